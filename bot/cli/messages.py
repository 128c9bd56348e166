"""What the command line says to people."""

from __future__ import annotations

NO_TEXT = 'There is no message: pass one in quotes (repartee react "I miss you"), or a file with --input.'
TEXT_AND_FILE = "Pass either a message or --input, not both."
ONE_MESSAGE_ONLY = "{option} goes with one message, not with --input."
JSON_ANYWAY = "--json goes with one message; --input always writes JSON, an object a line."
OUTPUT_WITHOUT_INPUT = "--output goes with --input; for one message use --json."
UNREADABLE_FILE = "{path} cannot be read ({reason}): name a readable file, or - for standard input."
UNWRITABLE_FILE = "{path} cannot be written ({reason}): name a file in a folder that you can write to."
NO_ANSWER = "The answer could not be written ({reason}): free space there, or send it elsewhere."
BAD_LINE = 'line {number} is not {{"id": ..., "text": ...}} ({reason})'
EMPTY_LINE = "line {number} has no readable character in its text"
BAD_LINES = "{path}: {problems}; mend or remove {them}, nothing was written."
EMPTY_ANNOTATED = "{path}: the message {id} has no readable character in its text; mend or remove it."
MANY_NOTES = "Of {total} messages: {notes}."
MANY_CUT = "{count} too long to be read to the end"
MANY_FOREIGN = "{count} mostly not in English, so take their answers as guesses"
NO_ENGINE = (
    "onnxruntime is missing: install repartee with its cpu extra (make setup, or pip install '.[cpu]')."
)
BAD_THREADS = "REPARTEE_THREADS must be a whole number from 1 up, not {value}."
ENGINE_LOADING = "The model is being loaded."
RELOADED = "{worker}: {text}"
RELOAD_REFUSED = "{worker}: refused, the old one serves on: {text}"
RELOAD_SILENT = "{worker}: no answer yet; its log will say how it ended."
RELOAD_INCOMPLETE = "Of {total} workers {count} did not swap."
NO_VIEWER = "No viewer could be started for {path}: open it yourself."
NO_GENTLE = "The pack has no gentle reaction to offer."

FIRST_START = "Looking at the GIFs, once for each model"
RANKING = "Ranking"
HELD = "Better stay silent, this may be serious (hold probability {hold:.0%})."
HELD_OFFER = "Only gentle reactions are offered."
INDEXED = "{count} GIFs are ready in {path}."

EVAL_TITLE = "ReactBench, {count} messages of {path}"
EVAL_ROWS = {
    "p1_great": "first GIF great",
    "p1_any": "first GIF great or ok",
    "ndcg5": "nDCG@5",
    "distinct": "distinct first categories",
    "hold_auc": "hold: ROC AUC",
    "silent": "hold: silenced at 5 % false alarms",
}
EVAL_COLUMNS = ("figure", "{bundle}", "most popular", "annotators")
EVAL_FOOT = (
    "most popular: the same ranking for every message; annotators: each one's answer judged by the other. "
    "Messages that either annotator held count for hold only."
)

HELP = (
    "A chat message in, the reaction GIF that a witty friend would send out.\n\n"
    "All of it runs on your machines: no account, no service of others. "
    "Messages are neither logged nor stored."
)
HELP_EPILOG = """[bold]Start with[/bold]
  repartee react "I miss you"

[bold]Environment[/bold]
  REPARTEE_BUNDLE     folder of another model
  REPARTEE_CAPTIONER  folder of another captioner; none for no captions
  REPARTEE_PACKS      folders of other packs of GIFs
  REPARTEE_DATA_DIR   another place for the catalogue
  REPARTEE_THREADS    CPU threads to use (1)
  REDIS_URL           let running workers answer react, instead of this process
  REPARTEE_SHARED     folder with reactbench/dev.jsonl for eval"""
REACT_HELP = (
    "Show the GIFs that answer a message best.\n\n"
    "When the message is grave (somebody died, somebody is hurt) it says so and offers gentle reactions "
    "only; --json always gives the full ranking and [bold]hold[/bold], the probability that no playful GIF "
    "should be sent (hold_threshold in the model's bundle.json says from where on it is grave).\n\n"
    'Both --json and --input give objects {"id", "hold", "gifs": [{"id", "file", "code_point", "categories", '
    '"score", "alt_text"}]}, GIFs best first; the id of a single message is null.'
)
REACT_EPILOG = """[bold]Examples[/bold]
  repartee react "I miss you"              [dim]the best three, with a picture[/dim]
  repartee react "we won!!" -k 10 --json   [dim]ten, as one JSON object[/dim]
  repartee react "mic drop" --open         [dim]open the first GIF[/dim]
  repartee react -- "--sigh--"             [dim]a message that begins with a dash[/dim]
  repartee react --input chat.jsonl --output gifs.jsonl"""
EVAL_HELP = (
    "Score the rankings on annotated messages, beside two yardsticks.\n\n"
    "The floor gives every message the same ranking, the most popular reactions; the ceiling is one "
    "annotator's answer judged by the other."
)
EVAL_EPILOG = """[bold]Examples[/bold]
  repartee eval                                      [dim]ReactBench dev[/dim]
  repartee eval messages.jsonl --json figures.json   [dim]any file of that layout[/dim]"""
INDEX_HELP = "Bring the catalogue in step with the packs; react does it by itself when it has to."
WORKER_HELP = (
    "Answer what comes through Redis: load the model once and serve any number of bots.\n\n"
    "Start as many workers as you like, on one host or on many; they share the work, and when one dies the "
    "others take over what it owed. SIGTERM lets it finish what it has read, then leave.\n\n"
    "http://HOST:PORT has /healthz, /readyz and /metrics (Prometheus)."
)
WORKER_EPILOG = """[bold]Examples[/bold]
  export REDIS_URL=redis://127.0.0.1:6379/0
  repartee worker                              [dim]one thread, health at 127.0.0.1:9464[/dim]
  repartee worker --threads 8                  [dim]eight batches at a time[/dim]
  repartee worker --port 0                     [dim]a second one on the same host[/dim]
  repartee worker --device cuda --batch 64     [dim]on a GPU, see docs/gpu.md[/dim]
  repartee react "I miss you"                  [dim]with REDIS_URL set, workers answer[/dim]

[bold]Environment[/bold]
  REDIS_URL                     redis://[:password@]host:port/0, rediss:// for TLS
  REDIS_NAMESPACE               prefix of all keys (repartee)
  REDIS_QUEUE_LIMIT             with so many requests waiting, further ones are told "busy" (512)
  REPARTEE_WORKER_THREADS, _BATCH, _DEVICE, _HOST, _PORT, _CACHE, _LOG_FORMAT
                                the same as the options
  REPARTEE_WORKER_LOG_LEVEL     debug, info, warning or error (info)
  REPARTEE_WORKER_CACHE_SIZE    results that are kept at most (10000, about a kilobyte each)
  REPARTEE_WORKER_CACHE_LIFE_S  seconds for which they are kept (600)
  REPARTEE_WORKER_CACHE_KEY     secret that workers on several hosts share to share results"""
BAD_TOKEN = (
    "Discord refuses DISCORD_TOKEN: copy the token anew from https://discord.com/developers/applications "
    "(your application → Bot → Reset Token)."
)
NO_INTENT = (
    "DISCORD_MESSAGE_CONTENT is on, but the application may not read messages: switch Message Content Intent "
    "on at https://discord.com/developers/applications (your application → Bot), or unset the variable; "
    "all but the automatic mode works without."
)
DISCORD_UNREACHABLE = "Discord cannot be reached ({reason}): look after the network, or at DISCORD_API_URL."
DISCORD_CONNECTING = "The bot is not connected to Discord yet."
DISCORD_HELP = (
    "Answer in Discord: right-click a message, /react, a mention, or unasked where a channel wants it.\n\n"
    "Without REDIS_URL the model runs in this process and settings lie in an SQLite file; with it running "
    "workers (repartee worker) answer, and settings lie in Redis. docs/discord.md shows how to create the "
    "application and invite the bot.\n\n"
    "http://HOST:PORT has /healthz, /readyz and /metrics (Prometheus). SIGTERM lets it finish "
    "what is under way."
)
DISCORD_EPILOG = """[bold]Examples[/bold]
  export DISCORD_TOKEN=...
  repartee discord                               [dim]everything in one process[/dim]
  REDIS_URL=redis://127.0.0.1/0 repartee discord [dim]workers answer[/dim]

[bold]Environment[/bold]
  DISCORD_TOKEN            token of the application's bot
  DISCORD_MESSAGE_CONTENT  true to ask for the message-content intent: needed for the automatic mode only
  DISCORD_RECENT           GIFs that a channel saw last and that are not suggested again (20)
  DISCORD_PACK_LIMIT       own GIFs of a server, 0 for none (500)
  DISCORD_API_URL          another address of Discord's API, such as that of a proxy
  DISCORD_HOST, DISCORD_PORT, DISCORD_LOG_FORMAT
                           the same as the options
  DISCORD_LOG_LEVEL        debug, info, warning or error (info)
  REDIS_URL, REDIS_NAMESPACE, REPARTEE_DATA_DIR and the others: see repartee worker --help"""
NO_SLACK_WAY = (
    "Neither SLACK_APP_TOKEN nor SLACK_SIGNING_SECRET is set: set SLACK_APP_TOKEN=xapp-... for Socket Mode "
    "(one process, nothing to open), or SLACK_SIGNING_SECRET=... to be called over HTTP (docs/slack.md)."
)
BAD_SLACK_TOKEN = (
    "Slack refuses {name} ({reason}): copy it anew from https://api.slack.com/apps (docs/slack.md)."
)
SLACK_UNREACHABLE = "Slack cannot be reached ({reason}): look after the network, or at SLACK_API_URL."
SLACK_CONNECTING = "The bot is not connected to Slack."
SLACK_HELP = (
    "Answer in Slack: by the menu of a message, /react, a mention, or unasked where a channel wants it.\n\n"
    "With SLACK_APP_TOKEN it connects by Socket Mode; with SLACK_SIGNING_SECRET instead it is called at "
    "http://HOST:PORT/slack/events, by as many replicas as you like over one Redis. docs/slack.md shows how "
    "to create the app.\n\n"
    "http://HOST:PORT has /healthz, /readyz and /metrics (Prometheus). SIGTERM lets it finish what is under "
    "way."
)
SLACK_EPILOG = """[bold]Examples[/bold]
  export SLACK_BOT_TOKEN=xoxb-...
  SLACK_APP_TOKEN=xapp-... repartee slack       [dim]Socket Mode, everything in one process[/dim]
  SLACK_SIGNING_SECRET=... repartee slack --host 0.0.0.0
                                                [dim]over HTTP, behind TLS of your own[/dim]

[bold]Environment[/bold]
  SLACK_BOT_TOKEN       token of the app in the workspace
  SLACK_APP_TOKEN       app-level token, for Socket Mode
  SLACK_SIGNING_SECRET  by which requests over HTTP are checked
  SLACK_GIF_BASE_URL    where anybody can get the files of the packs; without it they are uploaded, once each
  SLACK_RECENT          GIFs that a channel saw last and that are not suggested again (20)
  SLACK_PACK_LIMIT      own GIFs of a workspace, 0 for none (500)
  SLACK_API_URL         another address of Slack's API
  SLACK_HOST, SLACK_PORT, SLACK_LOG_FORMAT
                        the same as the options
  SLACK_LOG_LEVEL       debug, info, warning or error (info)
  REDIS_URL, REDIS_NAMESPACE, REPARTEE_DATA_DIR and the others: see repartee worker --help"""
WEB_HELP = (
    "Serve a page on which to try messages, look after the packs and add GIFs; the same as JSON: /api.\n\n"
    "It shows a link that logs you in. Only this host can connect, unless REPARTEE_WEB_TOKEN is set "
    "(docs/web.md). Messages are neither logged nor stored. SIGTERM ends it."
)
WEB_EPILOG = """[bold]Examples[/bold]
  repartee web                                 [dim]the page at 127.0.0.1:8080[/dim]
  REDIS_URL=redis://127.0.0.1/0 repartee web   [dim]workers answer[/dim]
  REPARTEE_WEB_TOKEN=... repartee web --host 0.0.0.0
                                               [dim]open to others, behind TLS of your own[/dim]

[bold]Environment[/bold]
  REPARTEE_WEB_TOKEN      secret to log in with; without it each start makes one
  REPARTEE_WEB_NAME       name by which browsers call the page, where a proxy gives it one
  REPARTEE_WEB_HOST, REPARTEE_WEB_PORT, REPARTEE_WEB_LOG_FORMAT
                          the same as the options
  REPARTEE_WEB_LOG_LEVEL  debug, info, warning or error (info)
  REDIS_URL, REPARTEE_DATA_DIR and the others: see repartee worker --help"""
RELOAD_HELP = (
    "Let all running workers load bundle and packs anew and swap them in, without a pause.\n\n"
    "What is broken is refused and the old one serves on. Without options each worker reads the folders that "
    "it was started with once more; a restarted worker always follows its own settings, so make a change "
    "there too."
)
RELOAD_EPILOG = """[bold]Examples[/bold]
  repartee reload                                    [dim]the packs have changed[/dim]
  repartee reload --bundle /models/house-1.1         [dim]a path on the workers' hosts[/dim]"""
