#include "image/reference.hpp"

#include "support.hpp"

namespace minirun {
namespace {

const std::string digest = "sha256:" + std::string(64, 'a');

TEST_CASE("reference: full and familiar forms") {
    const struct {
        std::string text, full, familiar;
    } rows[] = {
        {"nginx", "docker.io/library/nginx:latest", "nginx:latest"},
        {"nginx:1.25", "docker.io/library/nginx:1.25", "nginx:1.25"},
        {"docker.io/nginx", "docker.io/library/nginx:latest", "nginx:latest"},
        {"index.docker.io/library/nginx", "docker.io/library/nginx:latest", "nginx:latest"},
        {"user/app:v_1.2-x", "docker.io/user/app:v_1.2-x", "user/app:v_1.2-x"},
        {"localhost/app", "localhost/app:latest", "localhost/app:latest"},
        {"localhost:5000/a/b__c", "localhost:5000/a/b__c:latest", "localhost:5000/a/b__c:latest"},
        {"quay.io/a.b/c-d:T", "quay.io/a.b/c-d:T", "quay.io/a.b/c-d:T"},
        {"Host/app", "Host/app:latest", "Host/app:latest"},
        {"docker.io/a.b/c", "docker.io/a.b/c:latest", "docker.io/a.b/c:latest"},
        {"nginx@" + digest, "docker.io/library/nginx@" + digest, "nginx@" + digest},
        {"nginx:1@" + digest, "docker.io/library/nginx@" + digest, "nginx@" + digest},
        {"host:5/a/b@" + digest, "host:5/a/b@" + digest, "host:5/a/b@" + digest},
    };
    for (const auto& row : rows) {
        CAPTURE(row.text);
        const auto reference = parse_reference(row.text);
        CHECK(reference.full() == row.full);
        CHECK(reference.familiar() == row.familiar);
        CHECK(reference.digest == (row.text.find('@') == std::string::npos ? "" : digest));
    }
}

TEST_CASE("reference: a new name has no digest") {
    CHECK(parse_new_name("nginx").full() == "docker.io/library/nginx:latest");
    CHECK(test::error_text([] { parse_new_name("nginx@" + digest); }) ==
          "a new name has no digest: 'nginx@" + digest + "' | ");
}

TEST_CASE("reference: what is none") {
    const struct {
        std::string text, why;
    } rows[] = {
        {"", "it has no name"},
        {":tag", "it has no name"},
        {"Nginx", "a name is in lower case"},
        {"a/B", "a name is in lower case"},
        {"a..b", "single '.'"},
        {"a___b", "single '.'"},
        {"-a", "single '.'"},
        {"a-", "single '.'"},
        {"a//b", "single '.'"},
        {"../a", "is no host"},
        {"/etc/passwd", "single '.'"},
        {"a:", "the tag has"},
        {"a:.b", "the tag has"},
        {"a:" + std::string(129, 'x'), "the tag has"},
        {"a:b:c", "single '.'"},
        {"a@sha256:12", "behind '@'"},
        {"a@md5:" + std::string(32, '0'), "behind '@'"},
        {"host:x/a", "is no host"},
        {"a b", "single '.'"},
        {std::string(64, 'a'), "an image's id"},
        {std::string(250, 'a'), "longer than 255"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.text);
        const auto text = test::error_text([&] { parse_reference(row.text); });
        CHECK(text.find("is not valid: ") != std::string::npos);
        CHECK_MESSAGE(text.find(row.why) != std::string::npos, text);
    }
}

}  // namespace
}  // namespace minirun
