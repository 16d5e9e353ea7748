"""Which suite a test is of: the unit suite, which takes less than a minute on two cores, or that of the services.

A unit test asks one module, in its own process. What starts processes, has a whole list, node or site at work for long,
or takes much of anything stands here and is run by `make services`. Each test is of one suite or the other.
"""

from __future__ import annotations

from functools import cache

#: Why a test is of the services -> the places of those tests: folders, modules, or tests in modules of the unit suite.
SERVICES: dict[str, tuple[str, ...]] = {
    "processes are started": (
        "tests/dnsbl/casework/test_crash.py",
        "tests/dnsbl/casework/test_proofs.py::test_a_stranger_with_the_key_sees_letters_return_decision_and_listing_offline",
        "tests/dnsbl/cli/test_broken_off.py",
        "tests/dnsbl/cli/test_commands.py",
        "tests/dnsbl/cli/test_later.py",
        "tests/dnsbl/cli/test_program.py::test_completion_knows_commands_and_those_of_groups",
        "tests/dnsbl/cli/test_serving.py",
        "tests/dnsbl/cli/test_streams.py",
        "tests/dnsbl/daemons/test_processes.py",
        "tests/dnsbl/daemons/test_reserve.py::test_the_system_is_asked_for_all_that_it_grants",
        "tests/dnsbl/settings/test_settings.py"
        "::test_a_section_of_which_nothing_is_said_costs_nothing_to_check_and_one_that_is_there_is_checked",
        "tests/dnsbl/store/test_jobs.py::test_claims_of_four_processes_are_distinct",
        "tests/dnsbl/test_parts.py",
        "tests/dnsbl/web/test_manual.py::test_each_command_line_is_answered_as_the_page_says",
        "tests/house/test_packaging.py::test_an_archive_of_the_source_holds_tests_and_bench_and_nothing_that_git_ignores",
        "tests/house/test_packaging.py::test_an_upgrade_takes_the_settings_of_the_list_out_of_its_units_environment",
        "tests/house/test_packaging.py::test_the_bill_of_materials_names_each_part_with_its_licence",
        "tests/house/test_starts.py",
        "tests/house/test_suites.py::test_a_run_of_either_suite_has_its_own_tests_and_both_have_all",
        "tests/house/test_suites.py::test_a_unit_test_that_starts_a_process_fails_and_hears_where_to_say_so",
        "tests/journeys",
        "tests/mutants/test_swapping.py",
        "tests/tester/cli/test_command.py::test_the_module_runs_and_its_help_tells_of_the_mx",
    ),
    "a whole benchmark is run, if a small one": ("tests/bench",),
    "a whole node, or a whole test from the wire to the list, is at work": (
        "tests/dnsbl/daemons/test_answers.py",
        "tests/dnsbl/daemons/test_canaries.py",
        "tests/dnsbl/daemons/test_followed_up.py",
        "tests/dnsbl/daemons/test_logfolder.py",
        "tests/dnsbl/daemons/test_logwatch.py",
        "tests/dnsbl/daemons/test_monitor.py",
        "tests/dnsbl/daemons/test_node.py",
        "tests/dnsbl/daemons/test_node_life.py",
        "tests/dnsbl/daemons/test_postman.py",
        "tests/dnsbl/daemons/test_rounds.py",
        "tests/dnsbl/daemons/test_surveyor.py",
        "tests/dnsbl/daemons/test_worker.py",
        "tests/dnsbl/serving/test_follower.py",
        "tests/dnsbl/serving/test_one_series.py",
        "tests/dnsbl/serving/test_publisher.py",
        "tests/dnsbl/serving/test_pulling.py",
        "tests/dnsbl/serving/test_sources.py",
        "tests/dnsbl/test_opened.py",
    ),
    "commands work on a whole list": (
        "tests/dnsbl/cli/test_admin.py",
        "tests/dnsbl/cli/test_copies.py",
        "tests/dnsbl/cli/test_doctor.py",
        "tests/dnsbl/cli/test_feeding.py",
        "tests/dnsbl/cli/test_following.py",
        "tests/dnsbl/cli/test_holding.py",
        "tests/dnsbl/cli/test_listings.py",
        "tests/dnsbl/cli/test_log.py",
        "tests/dnsbl/cli/test_nominating.py",
        "tests/dnsbl/cli/test_reporting.py",
        "tests/dnsbl/cli/test_show.py",
        "tests/dnsbl/cli/test_state.py",
        "tests/dnsbl/cli/test_status.py",
        "tests/dnsbl/cli/test_surveying.py",
        "tests/dnsbl/cli/test_verifying.py",
        "tests/dnsbl/cli/test_waiting.py",
    ),
    "somebody goes through the whole site": (
        "tests/dnsbl/web/admin",
        "tests/dnsbl/web/test_api.py",
        "tests/dnsbl/web/test_app.py",
        "tests/dnsbl/web/test_conditional.py",
        "tests/dnsbl/web/test_connection.py",
        "tests/dnsbl/web/test_control.py",
        "tests/dnsbl/web/test_handing.py",
        "tests/dnsbl/web/test_hostile.py",
        "tests/dnsbl/web/test_log.py",
        "tests/dnsbl/web/test_nominations.py",
        "tests/dnsbl/web/test_pages.py",
        "tests/dnsbl/web/test_remote.py",
        "tests/dnsbl/web/test_reported.py",
        "tests/dnsbl/web/test_self_tests.py",
        "tests/dnsbl/web/test_statistics.py",
        "tests/dnsbl/web/test_watch.py",
    ),
    "the story of a list is played, with many tests in it": (
        "tests/dnsbl/casework/test_counting.py",
        "tests/dnsbl/casework/test_entrance.py",
        "tests/dnsbl/casework/test_forgetting.py",
        "tests/dnsbl/casework/test_history.py",
        "tests/dnsbl/casework/test_outputs.py",
        "tests/dnsbl/casework/test_proving.py",
        "tests/dnsbl/casework/test_replaying.py",
        "tests/dnsbl/casework/test_restoring.py",
        "tests/dnsbl/casework/test_shipping.py",
        "tests/dnsbl/casework/test_twins.py",
    ),
    "a store goes the whole way up, or is damaged": (
        "tests/dnsbl/store/test_database.py",
        "tests/dnsbl/store/test_dump.py",
        "tests/dnsbl/store/test_evidence.py::test_what_was_forgotten_and_what_was_kept_before_are_told_apart_after_the_way_up",
        "tests/dnsbl/store/test_journal.py"
        "::test_a_journal_of_before_comes_up_whole_and_goes_on_and_nothing_in_it_can_be_changed",
        "tests/dnsbl/store/test_journal.py::test_what_did_not_hold_before_is_named_after_the_way_up_as_well",
    ),
    "it is much: of rows, octets, connections, or hashes that are dear on purpose": (
        "tests/dnsbl/casework/test_allowance.py::test_many_that_wait_are_put_off_a_bounded_number_at_a_time",
        "tests/dnsbl/casework/test_arrivals.py::test_a_page_about_many_letters_costs_their_heads_alone",
        "tests/dnsbl/casework/test_credentials.py",
        "tests/dnsbl/casework/test_feeding.py::test_ten_thousand_rows_are_taken_in_portions",
        "tests/dnsbl/casework/test_operators.py::test_six_thousand_networks_stream_through_in_slices_each_with_its_entry",
        "tests/dnsbl/daemons/test_others.py::test_many_addresses_are_asked_about_beside_each_other",
        "tests/dnsbl/dns/engine/test_equality.py",
        "tests/dnsbl/dns/listed/test_file.py"
        "::test_a_mapped_table_answers_at_once_and_its_damage_is_found_when_it_is_verified",
        "tests/dnsbl/dns/sources/test_swift.py",
        "tests/dnsbl/log/test_prooffile.py"
        "::test_two_hundred_single_bit_changes_are_each_refused_by_us_and_by_the_script_for_strangers",
        "tests/dnsbl/rules/evidence/test_exhibits.py::test_thirty_megabytes_are_read_by_their_head",
        "tests/dnsbl/serving/test_lanes.py::test_while_tables_are_swapped_no_answer_is_a_mixture_of_two",
        "tests/dnsbl/serving/test_streams.py"
        "::test_connections_over_tls_that_have_ended_do_not_wait_in_memory_for_the_collector",
        "tests/dnsbl/serving/test_transfers.py::test_random_changes_replayed_by_ixfr_are_what_axfr_gives",
        "tests/dnsbl/store/test_plans.py",
        "tests/fuzz/test_packets.py",
        "tests/mutants/test_mutations.py",
        "tests/tester/bounces/test_reading.py::test_no_answer_is_heavy_work",
        "tests/tester/test_hostile_senders.py",
        "tests/tester/test_hostile_servers.py",
    ),
}
_PLACES = {place for places in SERVICES.values() for place in places}


@cache
def whole(path: str) -> bool:
    """Whether a module or folder (its path from the top of the tree) is of the services with all that is in it."""
    return any(place == path or path.startswith(f"{place}/") for place in _PLACES)


def touched(path: str) -> bool:
    """Whether anything in a module or folder is of the services."""
    return whole(path) or any(place.startswith((f"{path}/", f"{path}::")) for place in _PLACES)


def of_services(test: str) -> bool:
    """Whether a test (its name as pytest tells it, with or without its row) is of the services."""
    name = test.partition("[")[0]
    return name in _PLACES or whole(name.partition("::")[0])
