"""How Railway runs the bot itself, for Railway's Infrastructure as Code; docs/deploy.md uses it
step by step. The instances that the bot makes have settings of their own.

Railway's command line tool (5.71 or newer) evaluates this file on your machine, with `python3`:
`railway config plan` shows what would change, `railway config apply` changes it. Railway itself
never reads it. `main` may be a plain dictionary, so no package has to be installed.
Source: railwayapp/cli, src/iac/eval.rs; the shape is that of the Python package railway-sdk 0.7.0.

What a file like this does not name is deleted: services and databases of the same project, too.
So the names below are those of the project before the first `apply`, and a plan that says
`delete` is not applied. Volumes are never deleted by it.
"""

# What you may have to change: the repository that Railway builds, and the names in your project.
REPOSITORY = "OWNER/luthien-ops"
BRANCH = "main"
PROJECT = "luthien-ops"
SERVICE = "bot"
DATABASE = "Postgres"

postgres = {
    "address": f"database.{DATABASE}",
    "type": "database",
    "kind": "database",
    "engine": "postgres",
    "name": DATABASE,
    "image": "ghcr.io/railwayapp-templates/postgres-ssl:18",
    "output": "DATABASE_URL",
    "source": {"type": "image", "image": "ghcr.io/railwayapp-templates/postgres-ssl:18"},
    "defaultMountPath": "/var/lib/postgresql/data",
}

bot = {
    "address": f"service.{SERVICE}",
    "type": "service",
    "kind": "github",
    "name": SERVICE,
    "source": {"type": "github", "repo": REPOSITORY, "branch": BRANCH},
    # Railpack installs requirements.txt of this folder, with its hashes, for the Python of
    # runtime.txt. It does not install the project itself, so everything is started from here by
    # `python -m app`.
    "build": {"builder": "RAILPACK"},
    "deploy": {
        # In a container of its own, before the new version starts, and while the old one still
        # runs: migrations only add. With the embedded database on a volume it has nothing to do
        # (that container has no volume); the server migrates when it starts.
        #
        # Inferred, not tried on Railway: both commands run in the final image, where Railpack's
        # Python provider puts `python`. One report says that its build image has only `python3`.
        "preDeployCommand": ["python -m app migrate"],
        "startCommand": "python -m app serve",
        "healthcheckPath": "/readyz",
        "healthcheckTimeout": 120,
        "restartPolicyType": "ALWAYS",
        # With Postgres several versions may run side by side. With the embedded database one
        # process owns it: a service with a volume is never overlapped by Railway.
        "overlapSeconds": 0,
        "drainingSeconds": 30,
    },
}

# The record on SQLite instead of Postgres: name this volume in the place of `postgres` below, add
# the attachment to `bot`, and set LUTHIEN_DATA_DIR=/data. A volume allows one replica.
#
#   data = {"address": "volume.bot-data", "type": "volume", "name": "bot-data",
#           "config": {"sizeMB": 1024}}
#   bot["volumeAttachments"] = {"bot-data": {"volume": "volume.bot-data", "mountPath": "/data"}}

main = {
    "name": PROJECT,
    # The bot's variables are set by hand (docs/deploy.md, step 4), most of them are secrets.
    # Declared here, every variable that is missing from the list would be deleted by an `apply`,
    # also one that only a newer version knows; a lost LUTHIEN_MASTER_KEY cannot be replaced. So
    # the file leaves all variables alone, and DATABASE_URL is set by hand, too.
    "variables": {"managed": False},
    "resources": [postgres, bot],
}
