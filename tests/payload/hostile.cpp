// `payload hostile NAME …`: programs that attack (hostile.hpp).
#include "hostile.hpp"

namespace payload {

int attack(const Words& words) {
    ::alarm(longest + 20);  // not inherited, but children have a bound of their own
    for (const auto programs :
         {attacks_on_processes(), attacks_that_flood(), attacks_by_calls(), attacks_on_neighbours()})
        for (const auto& program : programs)
            if (words.at(0) == program.name && words.size() > program.least)
                return program.run({words.begin() + 1, words.end()});
    std::fputs("payload: there is no such attack; tables at the end of hostile_*.cpp list them\n", stderr);
    return 64;
}

}  // namespace payload
