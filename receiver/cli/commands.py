"""All commands, with the sentence that help shows for each. A new command is a module and a line here."""

from __future__ import annotations

import click

from receiver.cli.lazy import Commands, Later

_NUMBERS = Commands(
    "numbers",
    "Look up, buy and configure telephone numbers.",
    (
        Later("list", "numbers.held:list_numbers", "List the numbers you hold and where they point."),
        Later("show", "numbers.held:show", "Show one of your numbers."),
        Later("test", "numbers.proof:test_callbacks", "Post a signed test, and look for it in the log."),
        Later("configure", "numbers.configure:configure", "Change where one of your numbers points."),
        Later("countries", "numbers.market:countries", "List countries with numbers for sale, or states."),
        Later("available", "numbers.market:available", "List numbers for sale in a country or state."),
        Later("rates", "numbers.market:rates", "Compare what numbers of several countries cost."),
        Later("subscribe", "numbers.payment:subscribe", "Buy a number without configuring it."),
        Later("extend", "numbers.payment:extend", "Pay for more time of one of your numbers."),
    ),
)

_KEYS = Commands(
    "keys",
    "List, rotate and retire callback keys.",
    (
        Later("list", "keys:list_keys", "List the callback keys by their fingerprints."),
        Later("rotate", "keys:rotate", "Move all numbers to a new key without losing a call."),
        Later("retire", "keys:retire", "Stop accepting a key."),
    ),
)

_EVENTS = Commands(
    "events",
    "List, follow, export and delete events.",
    (
        Later("list", "events.listing:list_events", "List events, newest first (the default)."),
        Later("show", "events.show:show", "Show one event with its raw request."),
        Later(
            "handled", "duty:event_handled", "Say that you handled a fax, or what else an event belongs to."
        ),
        Later("tail", "events.tail:tail", "Show events as they arrive, until Ctrl-C."),
        Later("export", "events.export:export_events", "Write all matching events as CSV or JSON lines."),
        Later("stats", "events.stats:stats", "Count events by kind and type."),
        Later("quarantine", "events.quarantine:quarantine", "Show what is in quarantine, and why."),
        Later("release", "events.quarantine:release", "Take events out of quarantine."),
        Later("drop", "events.quarantine:drop", "Delete quarantined events."),
        Later("erase", "events.erase:erase", "Erase everything about a telephone number."),
        Later("prune", "events.prune:prune", "Delete old events."),
        Later(
            "interventions",
            "events.interventions:list_interventions",
            "List what operators did to the log, to users, to tokens, to targets and to rules.",
        ),
    ),
    default="list",
)

_CALLS = Commands(
    "calls",
    "List calls, and show one as a time line.",
    (
        Later("list", "calls:list_calls", "List calls, newest first (the default)."),
        Later("show", "calls:show_call", "Draw a call as a time line."),
        Later("handled", "duty:call_handled", "Say that you handled a call, so that nobody else rings back."),
    ),
    default="list",
)

_CONVERSATIONS = Commands(
    "conversations",
    "List SMS conversations, and show one.",
    (
        Later("list", "conversations:list_conversations", "List conversations, newest first (the default)."),
        Later("show", "conversations:show_conversation", "Show the messages of one conversation."),
        Later("handled", "duty:conversation_handled", "Say that you answered a conversation."),
    ),
    default="list",
)

_CONTACTS = Commands(
    "contacts",
    "Give the numbers that call and write a name.",
    (
        Later("list", "contacts:list_contacts", "List the contacts by name."),
        Later("add", "contacts:add", "Give a number a name, or another one."),
        Later("remove", "contacts:remove", "Take a number's name away."),
        Later("import", "contacts:import_contacts", "Read names and numbers from CSV or vCard."),
    ),
)

_TARGETS = Commands(
    "targets",
    "Say where events are delivered, and how that goes.",
    (
        Later("list", "targets.listing:list_targets", "List the targets and how they stand."),
        Later("show", "targets.listing:show", "Show one target."),
        Later("add", "targets.changing:add", "Add a target."),
        Later("edit", "targets.changing:edit", "Change a target."),
        Later("test", "targets.tending:test_target", "Send a target something made up, now."),
        Later("pause", "targets.tending:pause", "Hold back what goes to a target."),
        Later("resume", "targets.tending:resume", "Send a target what waited, and what arrives."),
        Later("rotate", "targets.changing:rotate", "Give a target a new signing secret."),
        Later("remove", "targets.changing:remove", "Remove a target."),
    ),
)

_DELIVERIES = Commands(
    "deliveries",
    "Look at what went where, and try again.",
    (
        Later("list", "deliveries:list_deliveries", "List deliveries, newest first."),
        Later("show", "deliveries:show", "Show one delivery with each attempt at it."),
        Later("retry", "deliveries:retry", "Try deliveries again, now."),
        Later("cancel", "deliveries:cancel", "Give up deliveries that wait."),
    ),
)

_REPLAY = Commands(
    "replay",
    "Send events to a target once more.",
    (
        Later("start", "replay:start", "Send what a search finds (the default)."),
        Later("list", "replay:list_replays", "List replays, newest first."),
        Later("show", "replay:show", "Show how far a replay is."),
        Later("stop", "replay:stop", "Stop a replay."),
    ),
    default="start",
)

_HANDLERS = Commands(
    "handlers",
    "Check your own functions that run for events.",
    (Later("check", "handlers:check", "Load your module, and list its handlers or what is wrong."),),
)

_RULES = Commands(
    "rules",
    "Check, show and try the rules that answer calls.",
    (
        Later("check", "rules.checking:check", "Say what is wrong with a rules file, with line and column."),
        Later("show", "rules.showing:show", "Show which rules a number has, and the flows they lead to."),
        Later(
            "try",
            "rules.trying:try_rules",
            "Walk a call through the rules, without a provider, and say why it goes where.",
        ),
        Later("switch", "rules.switching:switch_rules", "Set a switch that rules ask for, or list them all."),
    ),
)

_USERS = Commands(
    "users",
    "List, add and remove users of the console.",
    (
        Later("list", "users:list_users", "List the users."),
        Later("add", "users:add", "Add a user."),
        Later("passwd", "users:passwd", "Give a user a new password."),
        Later("role", "users:role", "Give a user another role."),
        Later("sign-out", "users:sign_out", "Sign a user out everywhere."),
        Later("remove", "users:remove", "Remove a user."),
    ),
)

_TOKENS = Commands(
    "tokens",
    "List, create and revoke tokens of the query API.",
    (
        Later("list", "tokens:list_tokens", "List the tokens, but not their secrets."),
        Later("create", "tokens:create", "Create a token."),
        Later("revoke", "tokens:revoke", "Revoke a token for good."),
    ),
)

_SPOOL = Commands(
    "spool",
    "Show and move callbacks that wait for the database.",
    (
        Later("status", "spool:status", "Show how many callbacks wait, and since when."),
        Later("drain", "spool:drain", "Move what waits into the database now."),
        Later(
            "list",
            "spool:list_set_aside",
            "List callbacks that were set aside, with the reason for each.",
        ),
        Later("show", "spool:show", "Show one callback that was set aside, with its raw request."),
        Later("retry", "spool:retry", "Let callbacks that were set aside wait for the database again."),
        Later("drop", "spool:drop", "Delete callbacks that were set aside."),
    ),
)

_ARCHIVE = Commands(
    "archive",
    "Show, check and refetch faxes and recordings.",
    (
        Later("status", "archive:status", "Show how many documents are kept, and what became of the others."),
        Later(
            "list", "archive:list_items", "List the links of events, newest first, and what became of them."
        ),
        Later(
            "get",
            "archive_get:get",
            "Save the documents of an event: a fax, a recording, the files of a message.",
        ),
        Later("retry", "archive:retry", "Fetch documents again that are not kept."),
        Later("check", "archive:check", "Check that every document is there and is what was kept."),
    ),
)

_DB = Commands(
    "db",
    "Upgrade, back up, restore and compact the database.",
    (
        Later("upgrade", "db:upgrade", "Upgrade the schema to what this version needs."),
        Later("current", "db:show_current", "Show the revision of the database and the one needed."),
        Later("downgrade", "db:downgrade", "Take the schema back to an earlier revision."),
        Later("backup", "db:backup", "Write a copy of the SQLite log to a new file."),
        Later("restore", "db:restore", "Put a copy in the place of the SQLite log."),
        Later("compact", "db:compact", "Rewrite the database without the space of deleted rows."),
    ),
)

SECTIONS: dict[str, tuple[click.Command, ...]] = {
    "Service": (
        Later("serve", "serve:serve", "Serve callbacks, API and console, and deliver what arrives."),
        Later("work", "work:work", "Deliver what arrived to your targets, until told to stop."),
        Later("doctor", "doctor:doctor", "Check everything that a callback depends on."),
    ),
    "Numbers": (
        Later("setup", "setup.command:setup", "Get numbers and point them at this service."),
        _NUMBERS,
        _KEYS,
    ),
    "Log": (
        _EVENTS,
        _CALLS,
        _CONVERSATIONS,
        _CONTACTS,
        Later("listen", "listen.command:listen", "Post a service's events to a program on this machine."),
    ),
    "Answering": (_RULES,),
    "Deliveries": (_TARGETS, _DELIVERIES, _REPLAY, _HANDLERS),
    "Access": (_USERS, _TOKENS),
    "Storage": (_DB, _SPOOL, _ARCHIVE),
}
"""What `receiver --help` shows, under these headings."""

MEANT = {
    "backup": "db backup",
    "export": "events export",
    "fax": "events kind:fax",
    "faxes": "events kind:fax",
    "handled": "calls handled",
    "health": "doctor",
    "log": "events",
    "messages": "conversations",
    "missed": "calls state:missed",
    "quarantine": "events quarantine",
    "search": "events",
    "sms": "conversations",
    "status": "doctor",
    "tail": "events tail",
    "upgrade": "db upgrade",
    "voicemail": "calls state:voicemail",
}
"""What somebody means by a word that is no command."""
