"""The checker, with made-up histories: each way of failing is found, and nothing that is right is."""

from dataclasses import replace

from tests.faults.checker import DIP, Verdict, judge
from tests.faults.history import REPAIR, STATUS, DeadLetter, Delivery, Fault, History, Place, Post, Sent, Tables, Told

KEY = "00000000000100002"
TRANSACTION = f"T-IF-021-1400000011-SDS-20260321-{KEY}"
REFERENCE = "S-IF-021-1400000011-SDS-20260321-0a"
PLACE = Place("2300000012", "SUP", "IF-021")
ELSEWHERE = Place("2500000001", "LDSO", "IF-021")
REFUSED = "RCP1005 - Refused"
SENT = Sent(REFERENCE, TRANSACTION, "MSG0000", frozenset({PLACE}))
TAKEN = Post(PLACE, (KEY,), 10.0, 10.1, 77, "take", {KEY: None}, {KEY: REFERENCE})
UNANSWERED = replace(TAKEN, mood="hang", said={})
REFUSING = replace(TAKEN, said={KEY: REFUSED})
TOLD = Told(KEY, PLACE.dip_id, REFUSED, REFERENCE)
BURIED = DeadLetter(PLACE, KEY, "refused", REFUSED)
EMPTY = Tables(frozenset(), (), (), ())


def judge_parts(
    *posts: Post,
    sent: tuple[Sent, ...] = (SENT,),
    told: tuple[Told, ...] = (),
    faults: tuple[Fault, ...] = (),
    tables: Tables = EMPTY,
) -> Verdict:
    return judge(History(sent, posts, told, faults, tables, answer_limit=2.0))


def later(post: Post, seconds: float = 5.0) -> Post:
    return replace(post, began_at=post.began_at + seconds, ended_at=post.ended_at + seconds)


def count(verdict: Verdict) -> dict[str, int]:
    kinds = ("lost", "repeated", "silent", "stuck")
    return {kind: found for kind in kinds if (found := len(getattr(verdict, kind)))}


class TestLost:
    def test_nothing_when_everyone_due_has_it(self):
        verdict = judge_parts(TAKEN)
        assert verdict.is_clean
        assert str(verdict) == "kills=0 sent=1 accepted=1 delivered=1 lost=0 repeated=0 silent=0 stuck=0"

    def test_a_message_that_never_came(self):
        assert count(judge_parts()) == {"lost": 1}

    def test_a_message_whose_answer_never_got_out(self):
        assert count(judge_parts(UNANSWERED)) == {"lost": 1}

    def test_not_one_that_came_after_an_answer_that_never_got_out(self):
        assert judge_parts(UNANSWERED, later(TAKEN)).is_clean

    def test_not_one_that_a_207_left_out_and_that_came_again(self):
        left_out = replace(TAKEN, keys=(KEY, "0b"), said={"0b": None})
        tables = replace(EMPTY, queued=frozenset({(PLACE, "0b")}))
        assert judge_parts(left_out, later(TAKEN), tables=tables).is_clean

    def test_one_that_a_207_left_out_for_good(self):
        left_out = replace(TAKEN, keys=(KEY, "0b"), said={"0b": None})
        tables = replace(EMPTY, queued=frozenset({(PLACE, "0b")}))
        assert count(judge_parts(left_out, tables=tables)) == {"lost": 1}

    def test_one_that_only_one_of_two_has(self):
        sent = replace(SENT, due=frozenset({PLACE, ELSEWHERE}))
        assert count(judge_parts(TAKEN, sent=(sent,))) == {"lost": 1}

    def test_one_that_the_dip_has_queued_for_somebody_it_was_not_known_to_be_for(self):
        tables = replace(EMPTY, queued=frozenset({(ELSEWHERE, KEY)}))
        assert count(judge_parts(TAKEN, tables=tables)) == {"lost": 1}

    def test_not_one_that_is_a_dead_letter_of_which_its_sender_knows(self):
        tables = replace(EMPTY, dead_letters=(replace(BURIED, kind="expired"),))
        told = Told(KEY, DIP, "MSG1040 - Not delivered in time")
        assert judge_parts(told=(told,), tables=tables).is_clean

    def test_not_one_that_was_not_accepted(self):
        assert judge_parts(sent=(replace(SENT, transaction=None, code="MSG1022"),)).is_clean

    def test_not_one_of_which_nobody_knows_whether_it_was_accepted(self):
        assert judge_parts(sent=(replace(SENT, transaction=None, code=None),)).is_clean

    def test_one_that_was_accepted_as_its_arrival_elsewhere_shows(self):
        sent = Sent(REFERENCE, None, None, frozenset({PLACE, ELSEWHERE}))
        assert count(judge_parts(TAKEN, sent=(sent,))) == {"lost": 1}

    def test_what_was_promised_to_be_requeued_and_is_not(self):
        promised = ((Place(PLACE.dip_id, "", PLACE.channel), KEY),)
        history = History((SENT,), (TAKEN,), (), (), EMPTY, 2.0, requeued=promised)
        assert count(judge(history)) == {"lost": 1}

    def test_a_requeued_message_must_arrive_as_any_other(self):
        again = f"R-0000000a-{KEY}"
        tables = replace(EMPTY, queued=frozenset({(PLACE, again)}))
        requeued = ((Place(PLACE.dip_id, "", PLACE.channel), KEY),)
        history = History((SENT,), (TAKEN,), (), (), tables, 2.0, requeued=requeued)
        assert count(judge(history)) == {"lost": 1}
        arrived = replace(later(TAKEN), keys=(again,), said={again: None}, references={again: REFERENCE})
        assert judge(replace(history, posts=(TAKEN, arrived))).is_clean


class TestRepeated:
    def test_a_message_that_came_again_though_it_was_taken(self):
        assert count(judge_parts(TAKEN, later(TAKEN))) == {"repeated": 1}

    def test_a_message_that_came_again_though_it_was_refused(self):
        tables = replace(EMPTY, dead_letters=(BURIED,))
        verdict = judge_parts(REFUSING, later(TAKEN), told=(TOLD,), tables=tables)
        assert count(verdict) == {"repeated": 1}

    def test_not_while_its_worker_was_killed(self):
        killed = Fault("kill worker", 10.05, 10.06, TAKEN.worker)
        assert judge_parts(TAKEN, later(TAKEN), faults=(killed,)).is_clean

    def test_not_while_the_database_was_away(self):
        assert judge_parts(TAKEN, later(TAKEN), faults=(Fault("kill database", 9.0, 10.02),)).is_clean

    def test_not_when_its_worker_died_before_it_can_have_recorded_the_answer(self):
        assert judge_parts(TAKEN, later(TAKEN), faults=(Fault("kill worker", 10.9, 10.91, 77),)).is_clean

    def test_while_another_worker_was_killed(self):
        assert count(judge_parts(TAKEN, later(TAKEN), faults=(Fault("kill worker", 10.0, 10.1, 78),))) == {
            "repeated": 1
        }

    def test_long_after_the_last_fault_and_long_before_the_next(self):
        faults = (Fault("kill database", 1.0, 9.9), Fault("kill database", 14.0, 15.0))
        assert count(judge_parts(TAKEN, later(TAKEN), faults=faults)) == {"repeated": 1}

    def test_while_only_an_api_was_killed(self):
        killed = Fault("kill api", 10.0, 10.1, None, excuses=False)
        assert count(judge_parts(TAKEN, later(TAKEN), faults=(killed,))) == {"repeated": 1}

    def test_not_when_the_answer_was_almost_too_late(self):
        assert judge_parts(replace(TAKEN, ended_at=11.9), later(TAKEN)).is_clean

    def test_a_status_message_that_came_again(self):
        said = {f"{KEY} {PLACE.dip_id} {REFUSED}": None}
        post = Post(Place("1400000011", "", STATUS), tuple(said), 12.0, 12.1, 77, "take", said)
        tables = replace(EMPTY, dead_letters=(BURIED,))
        verdict = judge_parts(REFUSING, post, later(post), told=(TOLD, TOLD), tables=tables)
        assert count(verdict) == {"repeated": 1}

    def test_not_a_status_message_that_is_about_a_message_and_about_its_replay(self):
        said = {f"{KEY} {PLACE.dip_id} {REFUSED}": None}
        post = Post(Place("1400000011", "", STATUS), tuple(said), 12.0, 12.1, 77, "take", said)
        letters = (BURIED, replace(BURIED, key=f"R-0000000a-{KEY}"))
        tables = replace(EMPTY, dead_letters=letters)
        assert judge_parts(REFUSING, post, later(post), told=(TOLD, TOLD), tables=tables).is_clean
        posts = (REFUSING, post, later(post), later(post, 9.0))
        assert count(judge_parts(*posts, told=(TOLD, TOLD), tables=tables)) == {"repeated": 1}

    def test_a_message_that_came_to_somebody_it_was_not_for(self):
        assert count(judge_parts(TAKEN, replace(TAKEN, place=ELSEWHERE))) == {"repeated": 1}

    def test_a_delivery_that_two_workers_recorded(self):
        tables = replace(
            EMPTY, deliveries=(Delivery(1, 1, 9), Delivery(1, 10, 12), Delivery(1, 5, 5), Delivery(2, 5, 5))
        )
        assert count(judge_parts(TAKEN, tables=tables)) == {"repeated": 1}


class TestSilent:
    def test_a_refusal_that_its_sender_was_not_told_of(self):
        assert count(judge_parts(REFUSING)) == {"silent": 1}

    def test_not_one_that_was_told(self):
        assert judge_parts(REFUSING, told=(TOLD,), tables=replace(EMPTY, dead_letters=(BURIED,))).is_clean

    def test_a_refusal_of_the_whole_batch_is_told_in_whatever_words(self):
        refused = replace(TAKEN, said={KEY: ""})
        assert judge_parts(refused, told=(TOLD,)).is_clean
        assert count(judge_parts(refused)) == {"silent": 1}

    def test_a_refusal_told_in_the_words_of_another(self):
        told = replace(TOLD, text="RCP1009 - Another")
        assert count(judge_parts(REFUSING, told=(told,))) == {"silent": 1}

    def test_a_refusal_that_was_not_recorded_before_the_message_expired(self):
        killed = (Fault("kill worker", 10.05, 10.06, 77),)
        tables = replace(EMPTY, dead_letters=(replace(BURIED, kind="expired", text="not delivered"),))
        told = Told(KEY, DIP, "MSG1000 - not delivered")
        assert judge_parts(REFUSING, told=(told,), faults=killed, tables=tables).is_clean
        assert count(judge_parts(REFUSING, faults=killed, tables=tables)) == {"silent": 1}

    def test_where_a_recipient_changed_its_mind_the_dead_letter_decides(self):
        killed = (Fault("kill worker", 10.05, 10.06, 77),)
        posts = (REFUSING, later(TAKEN))
        assert judge_parts(*posts, faults=killed).is_clean
        tables = replace(EMPTY, dead_letters=(BURIED,))
        assert count(judge_parts(*posts, faults=killed, tables=tables)) == {"silent": 1}

    def test_a_fault_of_routing_that_its_sender_was_not_told_of(self):
        sent = replace(SENT, due=frozenset(), told=("MSG1031",))
        assert count(judge_parts(sent=(sent,))) == {"silent": 1}
        told = Told(KEY, DIP, "MSG1031 - Primary recipient not found")
        assert judge_parts(sent=(sent,), told=(told,)).is_clean

    def test_a_status_message_about_what_nobody_refused(self):
        assert count(judge_parts(TAKEN, told=(TOLD,))) == {"silent": 1}

    def test_a_complaint_of_a_recipient_that_did_not_get_through(self):
        complaint = Told(KEY, PLACE.dip_id, "REG1020 - Complaint 1")
        history = History((SENT,), (TAKEN,), (), (), EMPTY, 2.0, relayed=(complaint,))
        assert count(judge(history)) == {"silent": 1}
        assert judge(replace(history, told=(complaint,))).is_clean

    def test_a_replay_that_is_refused_is_told_about_the_first(self):
        again = f"R-0000000a-{KEY}"
        tables = replace(EMPTY, queued=frozenset({(PLACE, again)}))
        refusing = replace(later(TAKEN), keys=(again,), said={again: REFUSED}, references={again: REFERENCE})
        assert judge_parts(TAKEN, refusing, told=(TOLD,), tables=tables).is_clean
        assert count(judge_parts(TAKEN, refusing, tables=tables)) == {"silent": 1}


class TestStuck:
    def test_what_is_outstanding_at_the_end(self):
        assert count(judge_parts(TAKEN, tables=replace(EMPTY, outstanding=("a queue waits",)))) == {"stuck": 1}


def test_setting_things_right_is_no_kill():
    faults = (Fault("kill api", 1, 2, None, excuses=False), Fault(REPAIR, 3, 4))
    assert judge_parts(TAKEN, faults=faults).kills == 1


def test_a_finding_says_which_message_and_where():
    [line] = judge_parts().findings
    assert line == f"lost: {KEY} neither arrived at 2300000012 as SUP on IF-021 nor is it a dead letter"
