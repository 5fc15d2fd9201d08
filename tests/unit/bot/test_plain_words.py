"""Plain words: what is understood, and above all what never becomes a change."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import commands
from bot.phrasebook import PHRASES
from bot.plain_words import Topic, changes, hear
from engine.actor import Actor, Door, Role
from engine.policy import Policy
from engine.registry import Registry, discover
from engine.rights import Rights
from tests.unit.bot.fakes import REGISTRY as FEW
from tests.unit.bot.fakes import START

REGISTRY = discover(commands)
ACME = Topic(run="r7k2m9q", instance="acme")


def rights_of(role: Role, registry: Registry = REGISTRY) -> Rights:
    somebody = Actor(door=Door.SLACK, id="U0", name="somebody", role=role)
    return Rights(somebody, Policy(), registry, START)


def heard(text: str, topic: Topic | None = None) -> str:
    """The command line that was understood; a change is marked by a leading `!`."""
    found = hear(text, REGISTRY, rights_of(Role.ADMIN), topic or Topic())
    if found.wish is None:
        return "?"
    plan = " --plan" if found.wish.plan_only else ""
    return ("!" if changes(found.wish) else "") + found.wish.parse().line() + plan


QUESTIONS = """
  = help
hi = help
Hello! = help
thanks = help
help = help
help create = help create
what can you do? = help
what can I do here = help
how do I create an instance? = help create
How can we delete acme? = help delete
how to roll back acme = help rollback
what does restart do? = help restart
who am i = whoami
Who am I? = whoami
what is my role? = whoami
list = list
list demo = list demo
list the instances = list
show me all instances = list
show instances = list
which instances are there? = list
what instances do we have? = list
how many instances are running? = list
which gateways are there = list
what's running? = list --state running
what is broken? = list --state failed
status acme = status acme
status of acme = status acme
status acme? = status acme
Status ACME = status acme
show me the status of acme = status acme
acme status = status acme
acme's status = status acme
what is acme's status? = status acme
what is the status of acme? = status acme
what's wrong with acme? = status acme
what’s wrong with acme? = status acme
what's up with the instance acme? = status acme
what is going on with acme? = status acme
how is acme doing? = status acme
how's acme? = status acme
where is acme? = status acme
is acme up? = status acme
is acme ok = status acme
is acme down? = status acme
is acme healthy? = status acme
does acme work? = status acme
what is the address of acme? = status acme
how much does acme cost? = usage acme
show acme = status acme
check acme please = status acme
describe acme = status acme
hey luthien, what's wrong with acme? = status acme
could you tell me the status of acme, please? = status acme
logs acme = logs acme
logs acme Postgres = logs acme Postgres
logs acme --build = logs acme --build
logs acme --since 10m --filter @level:error = logs acme --since 10m --filter @level:error
logs of acme = logs acme
acme logs = logs acme
acme's logs please = logs acme
show me the logs of acme = logs acme
show me the logs of acme for the last hour = logs acme --since 1h
show logs for acme from the last 10 minutes = logs acme --since 10m
give me logs from acme over the last two hours = logs acme --since 2h
can you show me the log of acme? = logs acme
logs of acme for 3 days = logs acme --since 3d
build log of acme = logs acme --build
what did acme write? = logs acme
errors in acme = logs acme --filter @level:error
show me the errors of acme in the last 5 min = logs acme --since 5m --filter @level:error
credentials acme = credentials acme
show me the keys of acme = credentials acme
show credentials for acme = credentials acme
runs = runs
runs acme = runs acme
what is going on? = runs
what's happening? = runs
show the last runs of acme = runs acme
run acme = run acme
why did acme fail? = run acme
what happened to acme? = run acme
what happened with acme? = run acme
show the timeline of acme = run acme
audit = audit
who did what? = audit
doctor = doctor
are you ok? = doctor
is everything okay? = doctor
create acme --plan = create acme --plan
delete acme --plan = delete acme --plan
orphans = orphans
show orphans = orphans
repair = repair
list all = list
"""

CHANGES = """
create acme = !create acme
Create acme. = !create acme
CREATE acme! = !create acme
please create acme = !create acme
create acme please = !create acme
create acme, please = !create acme
hey luthien, create acme = !create acme
could you create acme? = !create acme
can you please create acme? = !create acme
would you create acme for me? = !create acme
I want to create acme = !create acme
I'd like to create acme = !create acme
i would like you to create acme = !create acme
let's create acme = !create acme
go ahead and create acme = !create acme
create the instance acme = !create acme
create an instance called bob = !create bob
create a new instance named bob = !create bob
make a new gateway called bob = !create bob
set up acme = !create acme
spin up acme now = !create acme
create acme --repo owner/fork --keep = !create acme --repo owner/fork --keep
delete acme = !delete acme
delete the instance acme please = !delete acme
remove acme = !delete acme
tear down acme = !delete acme
get rid of acme = !delete acme
delete no-reply = !delete no-reply
keep acme = !cancel-delete acme
please keep acme! = !cancel-delete acme
cancel-delete acme = !cancel-delete acme
cancel delete acme = !cancel-delete acme
roll acme back = !rollback acme
roll back acme = !rollback acme
rollback acme = !rollback acme
revert acme = !rollback acme
redeploy acme = !redeploy acme
redeploy acme again = !redeploy acme
deploy acme = !redeploy acme
restart acme = !restart acme
reboot acme please = !restart acme
restart the gateway of acme = !restart acme
cancel acme = !cancel acme
stop acme = !cancel acme
retry acme = !retry acme
clean up acme = !clean-up acme
clean-up acme = !clean-up acme
repair acme = !repair acme
repair --all = !repair --all
sweep --dry-run = !sweep --dry-run
"""

IN_A_THREAD = """
status = status acme
logs = logs acme
logs for the last hour = logs acme --since 1h
logs --build = logs acme --build
what's wrong? = status acme
what is wrong with it? = status acme
what happened here? = run r7k2m9q
what's going on? = run r7k2m9q
why did it fail? = run r7k2m9q
run = run r7k2m9q
run? = run r7k2m9q
show me the logs = logs acme
errors = logs acme --filter @level:error
credentials = credentials acme
how is it doing? = status acme
status bob = status bob
logs of bob = logs bob
list = list
delete it = !delete acme
delete this instance = !delete acme
delete = !delete acme
keep it = !cancel-delete acme
restart it please = !restart acme
roll it back = !rollback acme
roll back = !rollback acme
redeploy = !redeploy acme
cancel = !cancel r7k2m9q
stop = !cancel r7k2m9q
retry = !retry r7k2m9q
try again = !retry r7k2m9q
clean up = !clean-up r7k2m9q
"""

NEVER = """
don't delete acme
don’t delete acme
dont delete acme
do not delete acme
DO NOT delete acme
please don't delete acme
delete acme? no!
delete acme, no
delete acme not
no, delete acme
never redeploy acme
never ever delete acme
I would not create bob
I wouldn't delete acme
I don't want to delete acme
we can't delete acme
you must not delete acme
you mustn't restart acme
nobody should delete acme
don't repair --all
should we repair acme?
nobody deletes acme
nothing should delete acme
let's not delete acme
could you not delete acme?
can you please not restart acme
without deleting acme
neither delete acme nor bob
no need to redeploy acme
stop deleting acme
avoid deleting acme
what if I deleted acme?
what if we delete acme
what would happen if I delete acme?
if I delete acme, what is lost?
if bob is gone, delete acme
suppose we delete acme
should we delete acme?
should I redeploy acme
shall we roll acme back?
may I delete acme?
can I delete acme?
could we restart acme?
maybe delete acme
perhaps we should restart acme
delete acme?
create acme?
redeploy acme ?
delete acme or bob
delete acme when the tests are done
delete acme tomorrow
delete acme later
delete acme unless bob is using it
delete acme once bob is ready
before you delete acme ask me
I was about to delete acme
I deleted acme
we have deleted acme yesterday
acme was deleted
who deleted acme?
why was acme deleted?
when did we create acme?
did you delete acme?
he told me to delete acme
bob said delete acme
ben says: restart acme
she wants to delete acme
I am thinking of deleting acme
I wonder whether to delete acme
I guess we delete acme
deleting acme is dangerous
"delete acme"
'delete acme'
“delete acme”
`delete acme`
> delete acme
~delete acme~
the docs say "delete acme"
type `create acme`
delete acme and create bob
delete acme, bob and carl
delete acme 🚫
🚫 delete acme
delete everything
delete all
delete all instances
keep going
keep calm
create something
create not
create never
delete no
delete nothing
restart if
redeploy unless
the command delete acme exists
acme delete
I love to delete acme
delete acme instead of bob
delete acme except its database
dоn't delete acme
ＤＯＮ'Ｔ delete acme
"""


def rows(table: str) -> list[tuple[str, str]]:
    """`said = line`."""
    pairs = (row.rpartition(" = ") for row in table.strip("\n").splitlines())
    return [(said.strip(), line) for said, _, line in pairs]


@pytest.mark.parametrize(("said", "line"), rows(QUESTIONS))
def test_questions(said: str, line: str) -> None:
    assert heard(said) == line


@pytest.mark.parametrize(("said", "line"), rows(CHANGES))
def test_changes(said: str, line: str) -> None:
    assert heard(said) == line


@pytest.mark.parametrize(("said", "line"), rows(IN_A_THREAD))
def test_in_a_thread_what_is_left_out_is_what_it_is_about(said: str, line: str) -> None:
    assert heard(said, ACME) == line


@pytest.mark.parametrize("said", NEVER.strip().splitlines())
@pytest.mark.parametrize("topic", [Topic(), ACME], ids=["anywhere", "in-a-thread"])
def test_no_change_is_read_into(said: str, topic: Topic) -> None:
    """At most its help, or how the instance is."""
    found = hear(said, REGISTRY, rights_of(Role.ADMIN), topic)
    assert found.wish is None or not changes(found.wish)
    assert found.wish is None or found.wish.command.name in ("help", "status", "run", "list")


@pytest.mark.parametrize(
    ("said", "doubt", "line"),
    [
        ("“delete acme”", "“", "help delete"),
        ("> delete acme", ">", "help delete"),
        ("🚫 delete acme", "🚫", "help delete"),
        ("approved acme", "approved", "help approve"),
        ("I am deploying acme", "deploying", "help redeploy"),
        ("maybe restart acme", "maybe", "help restart"),
    ],
)
def test_what_makes_it_no_order_is_named(said: str, doubt: str, line: str) -> None:
    found = hear(said, REGISTRY, rights_of(Role.ADMIN), Topic())
    assert found.doubt == doubt
    assert found.wish is not None
    assert found.wish.parse().line() == line


def test_whoever_hesitates_is_told_which_word_it_was() -> None:
    found = hear("please don’t delete acme", REGISTRY, rights_of(Role.ADMIN), Topic())
    assert found.doubt == "don't"
    assert found.wish is not None
    assert found.wish.parse().line() == "help delete"


VERBS = ("delete", "create", "redeploy", "restart", "roll back", "keep", "cancel", "clean up")
NEGATIONS = ("no", "not", "never", "don't", "dont", "do not", "nobody", "won't", "without", "nor")
OTHERS = (
    "acme",
    "please",
    "the",
    "instance",
    "it",
    "you",
    "can you",
    "now",
    "and",
    "is",
    "--keep",
)
words = st.lists(st.sampled_from(VERBS + OTHERS), max_size=5)
marks = st.sampled_from(["", "!", "?", ".", " please"])


@settings(max_examples=400)
@given(words, st.sampled_from(NEGATIONS), words, marks, st.booleans())
def test_a_sentence_with_a_negation_never_changes_anything(
    before: list[str], negation: str, after: list[str], mark: str, in_thread: bool
) -> None:
    said = " ".join([*before, negation, *after]) + mark
    found = hear(said, REGISTRY, rights_of(Role.ADMIN), ACME if in_thread else Topic())
    assert found.wish is None or not changes(found.wish)


@settings(max_examples=300)
@given(st.text(max_size=60))
def test_whatever_is_typed_is_answered(said: str) -> None:
    found = hear(said, REGISTRY, rights_of(Role.VIEWER), Topic())
    assert found.wish is not None or found.nearest


@settings(max_examples=200)
@given(words, st.sampled_from(VERBS), words)
def test_words_that_are_not_understood_are_not_guessed(
    before: list[str], verb: str, after: list[str]
) -> None:
    """A change is understood only where nothing else was said than it says."""
    said = " ".join([*before, verb, *after])
    found = hear(said, REGISTRY, rights_of(Role.ADMIN), Topic())
    if found.wish is not None and changes(found.wish) and "acme" in str(found.wish.raw):
        assert said.count("acme") == 1


def test_what_may_be_meant_is_among_what_one_may_do() -> None:
    found = hear("crate acme somehow", REGISTRY, rights_of(Role.VIEWER), Topic())
    assert found.nearest == ("list", "help")
    found = hear("crate acme somehow", REGISTRY, rights_of(Role.DEPLOYER), ACME)
    assert found.nearest == ("help create", "status acme", "list", "help")


def test_the_phrasebook_holds_for_whatever_commands_there_are() -> None:
    found = hear("roll acme back", FEW, rights_of(Role.ADMIN, FEW), Topic())
    assert found.wish is None
    found = hear("acme's status", FEW, rights_of(Role.ADMIN, FEW), Topic())
    assert found.wish is not None
    assert found.wish.parse().line() == "status acme"


def test_every_phrase_of_the_book_names_a_command() -> None:
    known = {command.name for command in REGISTRY.commands}
    assert {phrase.command for phrase in PHRASES} <= known
