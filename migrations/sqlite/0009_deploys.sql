-- Deploys: which build went where, when, and how it ended. Times are microseconds since 1970-01-01 UTC.
CREATE TABLE deploy (
    id BLOB PRIMARY KEY,
    service TEXT NOT NULL,
    environment TEXT NOT NULL,
    -- A commit in hex, or the name of a release.
    sha TEXT NOT NULL,
    branch TEXT,
    author TEXT,
    message TEXT,
    url TEXT,
    status TEXT NOT NULL CHECK (status IN ('in_progress', 'live', 'failed', 'canceled')),
    source TEXT NOT NULL CHECK (source IN ('api', 'cli', 'render', 'github', 'boot')),
    -- Its id at the source: the same one is recorded once.
    external_id TEXT,
    started_at INTEGER NOT NULL,
    finished_at INTEGER,
    commit_at INTEGER,
    -- This deploy brought an earlier build back, in place of that deploy.
    rollback_of BLOB REFERENCES deploy (id),
    -- It was rolled back then.
    rolled_back_at INTEGER,
    error TEXT,
    recorded_at INTEGER NOT NULL,
    recorded_by TEXT NOT NULL,
    recorded_by_name TEXT NOT NULL,
    version INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX deploy_external ON deploy (source, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX deploy_place ON deploy (environment, service, started_at);
CREATE INDEX deploy_build ON deploy (environment, service, sha);
CREATE INDEX deploy_started ON deploy (started_at, id);
CREATE INDEX deploy_finished ON deploy (environment, finished_at);

-- Inbound hooks that were taken: the same id again is ignored.
CREATE TABLE deploy_hook (
    provider TEXT NOT NULL,
    id TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (provider, id)
) STRICT;
CREATE INDEX deploy_hook_at ON deploy_hook (at);

-- Services at the provider, as they were seen last, and whether a rollback of ours holds their auto-deploy off.
CREATE TABLE deploy_target (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    auto_deploy INTEGER CHECK (auto_deploy IN (0, 1)),
    seen_at INTEGER NOT NULL,
    held_at INTEGER,
    held_by TEXT,
    -- Why auto-deploy could not be turned off, when it is on although it was meant to be off.
    held_fault TEXT
) STRICT;

-- What an application's configuration was, as names, safe values and keyed fingerprints. `entries` is JSON.
CREATE TABLE config_snapshot (
    id BLOB PRIMARY KEY,
    environment TEXT NOT NULL,
    service TEXT NOT NULL,
    sha TEXT NOT NULL,
    digest TEXT NOT NULL,
    entries TEXT NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    UNIQUE (environment, service, sha, digest)
) STRICT;
CREATE INDEX config_snapshot_last ON config_snapshot (environment, service, last_at);

-- Processes that say that they run.
CREATE TABLE app_instance (
    environment TEXT NOT NULL,
    service TEXT NOT NULL,
    instance TEXT NOT NULL,
    sha TEXT NOT NULL,
    version TEXT,
    branch TEXT,
    started_at INTEGER NOT NULL,
    first_beat_at INTEGER NOT NULL,
    beat_at INTEGER NOT NULL,
    -- The revision of flags and maintenance that it obeys.
    revision INTEGER NOT NULL,
    snapshot_id BLOB REFERENCES config_snapshot (id),
    PRIMARY KEY (environment, service, instance)
) STRICT;
CREATE INDEX app_instance_beat ON app_instance (beat_at);
