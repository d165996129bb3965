#include "runtime/container_root.hpp"

namespace minirun {

ContainerRoot root_of(const StoredContainer& container) {
    const auto request = container.request();
    ContainerRoot root;
    root.own = container.path();
    root.layers = request.root.layers;
    if (request.root.kind == RootSource::Kind::directory) {
        root.kind = ContainerRoot::Kind::directory;
        root.directory = request.spec.root.path;
        return root;
    }
    switch (request.root.upper) {
        case RootSource::Upper::disk: root.upper = container.path() + "/upper"; break;
        case RootSource::Upper::memory: root.kind = ContainerRoot::Kind::in_memory; break;
        case RootSource::Upper::none: root.kind = ContainerRoot::Kind::read_only; break;
    }
    return root;
}

}  // namespace minirun
