"""What people say for a command in plain words. Pure data: a command that is not in here is still
known by its name.

A phrase is a regular expression over words in lowercase, without articles, politeness and the
noun "instance"; `{instance}` and the like stand for a field of the command. What a command needs
and a phrase leaves out is what the thread is about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Phrase:
    """`says` is said for the command; `fields` are those that the words imply."""

    says: str
    command: str
    fields: Mapping[str, object] = field(default_factory=dict)


SHOW = "(?:(?:show|give|get|fetch|display|print|see|read|tell|check|open)(?: me| us)? )?"
OF = "(?:of|for|from|in|on|about|with|at)"
DURING = "(?:(?: (?:for|in|over|during|within|since|from|of))*(?: last| past)? {since})?"

PHRASES: tuple[Phrase, ...] = (
    # Questions
    Phrase("(?:hi|hello|hey|there|help|thanks|thank you|good morning)(?: me)?", "help"),
    Phrase("what (?:can|do) (?:you|i) (?:do|say|type)(?: here)?", "help"),
    Phrase("(?:which|what) commands (?:are there|do you know|can i use)", "help"),
    Phrase("how (?:do|can|would|does) (?:i|we|one) {command}(?: .*)?", "help"),
    Phrase("how to {command}(?: .*)?", "help"),
    Phrase("what does {command} do", "help"),
    Phrase("(?:explain|describe) {command}", "help"),
    Phrase("who am i|what (?:is|are) (?:role|rights|permissions)", "whoami"),
    Phrase("what (?:may|am) i (?:do|allowed to do)", "whoami"),
    Phrase(SHOW + "(?:list )?(?:all )?(?:instances|gateways|environments)|list all", "list"),
    Phrase("(?:which|what) (?:instances|gateways|environments)(?: .*)?", "list"),
    Phrase("how many (?:instances|gateways|environments)(?: .*)?", "list"),
    Phrase("(?:which|what) is running", "list", {"state": "running"}),
    Phrase("(?:which|what) (?:is|are) broken|(?:which|what) failed", "list", {"state": "failed"}),
    Phrase("what is (?:wrong|up|matter|going on|happening)(?: with| in)? {instance}", "status"),
    Phrase("what is (?:wrong|up|matter)", "status"),
    Phrase("(?:how is|where is|hows|wheres) {instance}(?: (?:doing|going|feeling))?", "status"),
    Phrase(
        "(?:is|are) {instance} (?:ok|okay|up|down|alive|healthy|running|ready|there)", "status"
    ),
    Phrase("does {instance} (?:work|run|answer)", "status"),
    Phrase("(?:what is )?(?:state|health|status|address|url) (?:of|for) {instance}", "status"),
    Phrase("(?:what is )?{instance} (?:health|state|status|address|url)", "status"),
    Phrase("(?:show|inspect|describe|check)(?: me)? {instance}", "status"),
    Phrase("how (?:is|are) (?:it|things)", "status"),
    Phrase("why (?:did|has|does|is) {run} (?:fail|failed|failing|stop|stopped|stuck)", "run"),
    Phrase(
        "(?:what|why) (?:happened|is happening|is going on)(?: (?:to|with) {run}| here)?", "run"
    ),
    Phrase("why did (?:it|this) fail", "run"),
    Phrase(SHOW + "timeline(?: of {run})?", "run"),
    Phrase("what is (?:going on|under way|happening)", "runs"),
    Phrase(SHOW + "(?:latest|last|recent)? ?runs(?: of {instance})?", "runs"),
    Phrase(SHOW + f"(?:logs?|log lines|output)(?: {OF} {{instance}})?{DURING}", "logs"),
    Phrase(SHOW + f"{{instance}} logs?{DURING}", "logs"),
    Phrase("what (?:did|does|is) {instance} (?:write|log|say|saying|logging)", "logs"),
    Phrase(SHOW + f"build logs?(?: {OF} {{instance}})?", "logs", {"build": True}),
    Phrase(SHOW + f"errors?(?: {OF} {{instance}})?{DURING}", "logs", {"filter": "@level:error"}),
    Phrase(
        SHOW + f"(?:keys?|credentials|secrets|passwords?)(?: {OF} {{instance}})?", "credentials"
    ),
    Phrase("(?:what )?(?:did|has) anybody (?:do|done)|who did what", "audit"),
    Phrase(f"who (?:did|changed|touched) (?:what|something) {OF} {{instance}}", "audit"),
    Phrase("(?:what|how much) (?:does|is) {instance} (?:cost|costing|use|using)", "usage"),
    Phrase("(?:costs?|usage|price) (?:of|for) {instance}", "usage"),
    Phrase(
        "is everything (?:ok|okay|alright|well)|are you (?:ok|okay|well|there|alive)", "doctor"
    ),
    # Changes
    Phrase(
        "(?:create|make|build|launch|start|set up|spin up|bring up|add)(?: new)?"
        "(?: (?:called|named))? {instance}",
        "create",
    ),
    Phrase("(?:create|make|build|launch|start|set up|spin up|add) new(?: one)?", "create"),
    Phrase("(?:delete|remove|destroy|drop|kill|tear down|get rid of) {instance}", "delete"),
    Phrase("(?:keep|save|spare|undelete) {instance}", "cancel-delete"),
    Phrase("(?:cancel|stop|undo|revoke) deletion of {instance}", "cancel-delete"),
    Phrase("(?:roll|turn) {instance} back", "rollback"),
    Phrase("(?:roll back|revert) {instance}", "rollback"),
    Phrase("roll back|roll(?: it)? back", "rollback"),
    Phrase("(?:redeploy|deploy|rebuild|update|upgrade) {instance}(?: again)?", "redeploy"),
    Phrase("(?:restart|reboot|bounce)(?: of)? {instance}", "restart"),
    Phrase("(?:cancel|stop|abort|halt)(?: run)?(?: {run})?", "cancel"),
    Phrase("(?:retry|try again|repeat|go on|continue)(?: run)?(?: {run})?", "retry"),
    Phrase("(?:clean up|tidy up)(?: after)?(?: run)?(?: {run})?", "clean-up"),
)

VERBS = {
    "destroy": "delete",
    "remove": "delete",
    "drop": "delete",
    "kill": "delete",
    "make": "create",
    "launch": "create",
    "spin": "create",
    "keep": "cancel-delete",
    "undelete": "cancel-delete",
    "roll": "rollback",
    "revert": "rollback",
    "deploy": "redeploy",
    "rebuild": "redeploy",
    "upgrade": "redeploy",
    "update": "redeploy",
    "reboot": "restart",
    "stop": "cancel",
    "abort": "cancel",
    "log": "logs",
    "health": "status",
    "key": "credentials",
    "cost": "usage",
    "instance": "list",
}
"""Words by which a command is recognised that a sentence is about, without asking for it."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


DOUBTS = _words(
    # Negation
    "no not never none nobody nothing nowhere neither nor without cannot nope nah hardly barely"
    " avoid refrain forbid against instead except unless rather non nee nicht nein kein ei"
    # Hypothesis, doubt, condition, choice, time
    " if whether suppose supposing imagine assume assuming would could should might may maybe"
    " perhaps possibly probably shall ought hypothetically when once until till before after later"
    " tomorrow someday eventually wonder wondering think thinking thought guess consider"
    " considering hope wish or but either almost nearly"
    # Questions
    " what why how who whom which where"
    # Past
    " did was were had has have been already ago yesterday made kept"
    # Somebody else's
    " he she they people everybody anybody somebody someone anyone everyone says said told"
)
"""Any of these makes a sentence no order."""

PRONOUNS = _words("it this that here them")
"""Stand for what the conversation is about."""

NO_NAMES = DOUBTS | _words(
    "me us you i we everything all something anything going up down on off in out of for from to"
    " with about at by and is are be do does run runs new one back status logs log list help build"
    " called named please deletion last past sure safe calm quiet mind track"
)
"""What a phrase never takes for a name; a command line may."""

FILLERS = _words(
    "of for the me from in on please to my a an it this that with about is"
    " all everything everyone something anything"
)
"""A line with one of these among its values is a sentence and no command line."""
