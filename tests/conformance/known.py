"""Failures that are known, with the reason. `tests` are names of tests, or patterns with *; an entry without a reason for a runtime
says nothing about it. An oracle may pass what is listed here, since newer versions of it do better; minirun has to fail it."""
import fnmatch
import functools

RUNC_CREATES_HOOKS = "runc 1.1 runs poststart hooks in create, before the program"
START_DOES_NOT_WAIT = "start returns before startContainer hooks have run and before exec: what goes wrong then is on the container's standard error"
CRUN_TYPES = "crun 1.8 takes values of the wrong type as if they were not there"
RUNC_NULL = "runc reads null as if it were not there, or as an empty text"
OLD_PROPAGATION = "crun 1.8 makes all mounts private at the end, unless rootfsPropagation says otherwise"
CRUN_LAST_FLAG = "crun 1.8 cannot take a flag back: \"noexec, exec\" is noexec"
CRUN_OPTIONS = "crun 1.8 does not know these options, and the file system refuses them"
EXPLAINS = "its words do not name what is wrong, or it does not refuse at all"
NOT_ON_V1 = "its cgroup code for version 1 lacks it"


KNOWN = [
    # runtime.md
    ("test_lifecycle.py::test_delete_of_a_created_container", {"runc": "runc ends and deletes a created container", "crun": "crun deletes a created container"}),
    ("test_lifecycle.py::test_ids_that_are_not_valid['/abs']", {"crun": "crun 1.8 takes only what is behind the last slash of an id to be valid"}),
    ("test_lifecycle.py::test_kill_with_no_signal_that_exists[*", {"runc": "runc sends signal 0 for an empty word", "crun": "crun 1.8 sends signal 0 for a word that it does not know"}),
    ("test_lifecycle.py::test_kill_with_a_real_time_signal[*RTMIN+3]", {"runc": "runc 1.1 does not know the names of real-time signals"}),
    ("test_state.py::test_what_runc_adds", {"crun": "crun says the root's path as the config has it"}),
    ("test_state.py::test_list", {"crun": "crun's table has another head"}),
    ("test_state.py::test_list_of_nothing[json]", {"crun": "crun prints a table's head for an empty list"}),
    # hooks
    ("test_hooks.py::test_poststart_comes_after_the_program_was_executed", {"runc": RUNC_CREATES_HOOKS, "crun": "crun runs poststart hooks at once with what happens in the container"}),
    ("test_hooks.py::test_run_runs_them_all", {"runc": RUNC_CREATES_HOOKS}),
    ("test_hooks.py::test_as_part_of_start[poststart]", {"runc": RUNC_CREATES_HOOKS}),
    ("test_hooks.py::test_the_state_on_standard_input[poststart]", {"runc": RUNC_CREATES_HOOKS}),
    ("test_hooks.py::test_a_failure_of_poststart_is_a_warning", {"runc": "runc ends the container then", "crun": "crun says nothing"}),
    ("test_hooks.py::test_a_failure_of_poststop_is_a_warning", {"crun": "crun says nothing"}),
    ("test_hooks.py::test_after_a_failure_of_poststop_all_else_goes_on", {"runc": "runc runs no more hooks then"}),
    ("test_hooks.py::test_a_failure_of_start_container", {"runc": START_DOES_NOT_WAIT, "crun": START_DOES_NOT_WAIT}),
    ("test_hooks.py::test_one_that_is_not_there[startContainer]", {"runc": START_DOES_NOT_WAIT, "crun": START_DOES_NOT_WAIT}),
    ("test_hooks.py::test_a_failure_of_create_runs_poststop", {"crun": "crun 1.8 runs no poststop hooks after a failed create"}),
    ("test_hooks.py::test_a_failure_behind_a_hook_runs_poststop[*", {"crun": "crun 1.8 runs no poststop hooks after a failed create"}),
    ("test_hooks.py::test_a_create_that_fails_before_any_hook[*", {"runc": "runc runs poststop hooks whatever has failed"}),
    ("test_hooks.py::test_a_path_that_is_not_absolute", {"runc": "runc takes the path from where it was started"}),
    ("test_hooks.py::test_a_timeout_that_is_none[0]", {"crun": "crun takes 0 as no timeout"}),
    ("test_hooks.py::test_the_state_on_standard_input[startContainer]", {"crun": "crun 1.8 says \"/\" for the bundle"}),
    # process
    ("test_process.py::test_cwd_has_to_be_absolute[*", {"crun": "crun 1.8 takes a relative directory"}),
    ("test_process.py::test_listen_fds", {"crun": "crun 1.8 sets no LISTEN_PID"}),
    ("test_user.py::test_umask_is_the_callers_by_default", {"runc": "runc sets 0022", "crun": "crun sets 0022"}),
    ("test_user.py::test_ids_that_are_none[*", {"crun": CRUN_TYPES}),
    ("test_capabilities.py::test_what_does_not_exist_is_told", {"crun": "crun 1.8 says nothing"}),
    ("test_capabilities.py::test_what_cannot_be_granted_*", {"runc": "runc fails, and does not say which capability", "crun": "crun fails, and does not say which capability"}),
    ("test_capabilities.py::test_an_unknown_name_is_an_error[*", {"runc": "runc warns, as the specification has it", "crun": "crun 1.8 says nothing"}),
    ("test_rlimits.py::test_the_same_twice", {"runc": "runc 1.1 takes both", "crun": "crun 1.8 takes both"}),
    ("test_rlimits.py::test_the_error_names_the_limit", {"runc": "runc says \"rlimit type 7\""}),
    # mounts
    ("test_mounts.py::test_unknown_options_go_to_the_file_system", {"runc": "runc 1.1 gives a tmpfs the mode of the directory below it"}),
    ("test_mounts.py::test_rootfs_propagation_unbindable", {"runc": "runc 1.1 cannot bind the root that it has just made unbindable"}),
    ("test_mounts.py::test_rootfs_propagation[shared-is_shared]", {"runc": "runc 1.1 makes the root private after it was shared"}),
    ("test_mounts.py::test_what_the_host_mounts_in_the_root[shared-*", {"runc": "runc 1.1 makes the root private after it was shared"}),
    ("test_mounts.py::test_what_the_host_mounts_in_the_root[rslave-*", {"crun": "crun 1.8 makes the root private"}),
    ("test_mounts.py::test_a_shared_volume_of_a_shared_root[*", {"crun": "here it runs in a mount namespace that is a slave of the host's"}),
    ("test_mounts.py::test_a_shared_volume_alone_does_not_reach_the_host[*", {"runc": "runc 1.1 leaves what is below the root in the host's peer groups"}),
    ("test_mounts.py::test_rootfs_propagation_that_does_not_exist", {"crun": "crun 1.8 takes any word"}),
    ("test_mounts.py::test_flags_of_the_host_stay_with_a_bind", {"crun": "crun 1.8 mounts it without them"}),
    ("test_mounts.py::test_mount_label_without_selinux", {"crun": "crun passes the label over where there is no SELinux"}),
    ("test_mounts.py::test_propagation[*", {"crun": OLD_PROPAGATION}),
    ("test_mounts.py::test_unbindable[*", {"crun": OLD_PROPAGATION}),
    ("test_mounts.py::test_no_mounts_at_all", {"runc": "runc 1.1 needs /proc in the container, or it cannot close its descriptors"}),
    ("test_mounts.py::test_options_of_a_mount[*", {"crun": CRUN_LAST_FLAG}),
    ("test_mounts.py::test_options_of_a_mount[['*defaults'*", {"runc": "runc 1.1 hands \"defaults\" to the file system, which refuses it"}),
    ("test_mounts.py::test_options_that_show_nowhere_are_known[*", {"crun": CRUN_OPTIONS}),
    # config-linux.md
    ("test_devices.py::test_a_file_of_another_kind_is_there", {"runc": "runc binds a device over whatever is there", "crun": "crun binds a device over whatever is there"}),
    ("test_devices.py::test_entries_that_are_none[*", {"crun": CRUN_TYPES, "runc": "runc passes a device without a path over"}),
    ("test_namespaces.py::test_the_same_type_twice[*", {"crun": "crun 1.8 takes both"}),
    ("test_namespaces.py::test_a_joined_user_namespace", {"runc": "runc 1.1 wants mappings for a user namespace that it only joins"}),
    ("test_masked_paths.py::test_personality_*", {"runc": "runc 1.1 does not know the property", "crun": "crun takes a flag that does not exist"}),
    ("test_masked_paths.py::test_flags_of_the_mount_stay", {"crun": "crun 1.8 loses the other flags of a mount that it makes read-only"}),
    ("test_masked_paths.py::test_the_wrong_type_is_an_error[*", {"runc": RUNC_NULL, "crun": CRUN_TYPES}),
    ("test_seccomp.py::test_flags[*", {"runc": "runc 1.1.5 does not take flags"}),
    ("test_seccomp.py::test_what_does_not_exist[*", {"runc": RUNC_NULL, "crun": "crun passes over a rule without names"}),
    ("test_seccomp.py::test_errno_ret_of_an_action_that_has_none[*", {"runc": "runc passes it over"}),
    ("test_resources.py::test_pids_unlimited[*", {"crun": "crun 1.8 writes -1 to pids.max"}),
    ("test_resources.py::test_a_path_that_leads_out[*", {"crun": "crun 1.8 makes a directory beside the hierarchies"}),
    ("test_resources.py::test_weight", {"crun": NOT_ON_V1 + ": blkio.bfq.weight"}),
    ("test_resources.py::test_huge_pages", {"runc": "runc 1.1 limits only what is used", "crun": "crun 1.8 limits only what is used"}),
    ("test_resources.py::test_a_controller_that_this_machine_lacks[net_cls]", {"runc": "runc passes the property over on version 2"}),
    ("test_resources.py::test_exec_where_nobody*", {"runc": "runc 1.1 hands only cgroups of systemd over"}),
    ("test_resources.py::test_intel_rdt_without_resctrl", {"crun": "crun 1.8 passes the property over"}),
    ("test_resources.py::test_a_controller_that_this_machine_lacks[rdma]", {"crun": "crun 1.8 passes the property over"}),
    ("test_resources.py::test_the_hosts_null_device_keeps_its_owner", {"crun": "crun 1.8 gives what is standard input to the container's user, be it the host's null device"}),
    # config.md as a document
    ("test_config.py::test_versions_that_are_none[*", {"runc": "runc 1.1 does not look at the version", "crun": "crun looks at its first characters"}),
    ("test_config.py::test_other_major_versions[*", {"runc": "runc 1.1 does not look at the version", "crun": "crun takes versions below 1.0"}),
    ("test_config.py::test_annotations_that_are_none[*", {"runc": RUNC_NULL, "crun": CRUN_TYPES}),
    ("test_config.py::test_an_empty_key", {"runc": "runc takes it", "crun": "crun takes it"}),
    ("test_config.py::test_config_that_is_no_config['null']", {"runc": RUNC_NULL}),
    ("test_config.py::test_other_platforms_are_ignored[windows]", {"crun": "crun wants what is required there"}),
    ("test_config.py::test_values_of_the_wrong_type[*", {"crun": CRUN_TYPES}),
    ("test_config.py::test_the_error_names_the_key[*", {"runc": EXPLAINS, "crun": EXPLAINS}),
    ("test_config.py::test_all_problems_at_once", {"runc": "runc stops at the first", "crun": "crun stops at the first"}),
    # the command line
    ("test_exec.py::test_rlimits", {"runc": "runc 1.1, built with Go 1.19, raises the soft limit of files to the hard one", "crun": "crun 1.8 runs exec without the limits of the container's process"}),
    ("test_exec.py::test_process_file_capabilities_and_rlimits", {"runc": "runc 1.1, built with Go 1.19, raises the soft limit of files to the hard one"}),
    ("test_exec.py::test_process_file", {"runc": "runc 1.1 does not take a umask in exec"}),
    ("test_exec.py::test_process_files_that_are_none[user]", {"crun": CRUN_TYPES}),
    ("test_exec.py::test_what_the_containers_process_was_given_holds", {"crun": "crun 1.8 runs exec as root in \"/\", unless told otherwise"}),
    ("test_exec.py::test_what_engines_read_from_errors[/etc-*", {"crun": "crun 1.8 says \"open executable: Operation not permitted\" for a directory"}),
    ("test_features.py::test_spec_rootless", {"crun": "crun 1.8 writes no mappings"}),
    ("test_logs.py::test_debug_says_more", {"crun": "crun 1.8 says nothing more"}),
    # the table of bad bundles
    ("test_bad_bundles.py::test_words_that_engines_look_for[*", {"crun": "crun 1.8 begins these words with capitals, and dockerd ends with 125"}),
    ("test_bad_bundles.py::test_a_command_is_explained[*", {"runc": EXPLAINS, "crun": EXPLAINS}),
    ("test_bad_bundles.py::test_a_config_is_explained[*", {"runc": EXPLAINS, "crun": EXPLAINS}),
    ("test_bad_bundles.py::test_a_config_is_an_error[a version that is none]", {"runc": "runc 1.1 does not look at the version"}),
    ("test_bad_bundles.py::test_a_config_is_an_error[*", {"crun": "crun 1.8 takes a relative working directory, and a device of any type"}),
    ("test_bad_bundles.py::test_a_name_with_control_characters_does_no_harm", {"crun": "crun prints it as it is"}),
    ("test_engine_calls.py::test_readiness_*", {"runc": "runc 1.1 does not say which process it is", "crun": "crun 1.8 does not say which process it is, and start waits without end"}),
    ("test_engine_calls.py::test_a_program_that_ends_before_it_is_ready", {"runc": "runc 1.1 waits without end", "crun": "crun 1.8 waits without end"}),
    ("test_mounts.py::test_mappings_in_the_option[*", {"runc": "the option is crun's"}),
    ("test_mounts.py::test_mappings_in_the_option_that_are_none", {"runc": "the option is crun's", "crun": EXPLAINS}),
    ("test_namespaces.py::test_a_network_device_*", {"runc": "runc 1.1 does not know network devices", "crun": "crun 1.8 does not know network devices"}),
    ("test_seccomp.py::test_notify_with_an_agent_that_is_busy", {"runc": EXPLAINS, "crun": "crun 1.8 waits without end"}),
    # users who are not root
    ("test_rootless.py::test_a_cgroup_that_the_user_cannot_make", {"runc": "runc 1.1 fails where a path is named", "crun": "crun 1.8 fails on cgroup v1"}),
    ("test_rootless.py::test_ranges", {"runc": "runc 1.1 gives no additional groups to who is not root", "crun": "crun's exec is root, whatever the user of the container's process"}),
    ("test_rootless.py::test_ids_of_others", {"runc": EXPLAINS, "crun": EXPLAINS}),
    ("test_rootless.py::test_other_groups_need_ranges", {"runc": EXPLAINS, "crun": EXPLAINS}),
    ("test_rootless.py::test_without_a_user_namespace", {"runc": EXPLAINS, "crun": EXPLAINS}),
    ("test_rootless.py::test_a_limit_needs_a_cgroup_that_the_user_can_make", {"runc": EXPLAINS, "crun": "crun 1.8 passes the limit over"}),
]


@functools.cache
def known(test, runtime):
    """The reason why this runtime fails this test, or None."""
    for pattern, reasons in KNOWN:
        if runtime in reasons and (test == pattern or _matches(test, pattern)):
            return reasons[runtime]
    return None


def _matches(test, pattern):
    """Only * means anything in a pattern: names of tests are full of brackets."""
    return "*" in pattern and fnmatch.fnmatchcase(test, "*".join(part.replace("[", "[[]") for part in pattern.split("*")))
