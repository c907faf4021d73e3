//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// The operations control center of a web platform.
#[derive(Debug, Parser)]
#[command(name = "quarterdeck", version, about, arg_required_else_help = true)]
pub struct Cli {
    /// Configuration file; `quarterdeck.toml` in the current directory if it exists.
    #[arg(long, global = true, env = "QD_CONFIG")]
    pub config: Option<PathBuf>,
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the control center.
    Serve {
        /// Listen on this port of the configured address.
        #[arg(long)]
        port: Option<u16>,
    },
    /// Run the control center with a marketplace to watch: real traffic, own data in ./quarterdeck-data.
    #[cfg(feature = "demo")]
    Demo(Demo),
    /// Run the reference marketplace alone.
    #[cfg(feature = "demo")]
    Marketplace(Marketplace),
    /// Bring our own database up to date.
    Migrate,
    /// Check configuration, files and databases, and say what is wrong.
    Doctor,
    /// Accounts.
    #[command(subcommand)]
    Admin(Admin),
    /// API tokens.
    #[command(subcommand)]
    Token(Token),
    /// Deploys.
    #[command(subcommand)]
    Deploy(Deploy),
    /// Feature flags: look, explain, and turn one off at once.
    #[command(subcommand)]
    Flags(Flags),
    /// Maintenance: what holds, and blocking writes from a script on the server.
    #[command(subcommand)]
    Maintenance(Maintenance),
    /// The audit trail.
    #[command(subcommand)]
    Audit(Audit),
    /// The configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// `demo`
#[derive(Clone, Debug, Args)]
pub struct Demo {
    /// Port of the control center; the marketplace takes the next. 0 takes free ones.
    #[arg(long, default_value_t = 7070)]
    pub port: u16,
    /// Throw the demo's data away and start anew.
    #[arg(long)]
    pub reset: bool,
    /// No simulated visitors.
    #[arg(long)]
    pub no_traffic: bool,
    /// What happens: calm, deploy-regression, queue-backlog, email-outage, db-slow.
    #[arg(long, default_value = "calm")]
    pub scenario: String,
    /// Orders to begin with: small (5,000), medium (100,000) or large (1,000,000).
    #[arg(long, default_value = "small")]
    pub size: String,
    /// Seed of the generator: the same seed gives the same shop.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Keep everything in this Postgres server instead of SQLite files; two databases are made on it.
    #[arg(long)]
    pub postgres: Option<String>,
    /// Run the marketplace's queues as BullMQ's on this Redis (redis://host:6379/0), worked off by Node.js 20 or newer, and watch it as the
    /// platform's cache.
    #[arg(long)]
    pub redis: Option<String>,
    /// Directory of the data.
    #[arg(long, default_value = "quarterdeck-data")]
    pub data_dir: PathBuf,
}

/// `marketplace`
#[derive(Clone, Debug, Args)]
pub struct Marketplace {
    /// Its database: a SQLite file or a postgres:// URL.
    #[arg(long, env = "MARKETPLACE_DATABASE_URL", hide_env_values = true)]
    pub database: String,
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:7071")]
    pub listen: String,
    /// Directory of labels and mails.
    #[arg(long, default_value = "marketplace-data")]
    pub data_dir: PathBuf,
    /// No simulated visitors.
    #[arg(long)]
    pub no_traffic: bool,
    /// What happens.
    #[arg(long, default_value = "calm")]
    pub scenario: String,
    /// Stop when standard input closes: the parent is gone.
    #[arg(long)]
    pub stop_on_stdin_eof: bool,
}

/// `admin …`
#[derive(Debug, Subcommand)]
pub enum Admin {
    /// Make an account. Without a password in QD_PASSWORD it prints a one-time link to set one.
    Create {
        /// E-mail address to sign in with.
        #[arg(long)]
        email: String,
        /// Name for people.
        #[arg(long)]
        name: Option<String>,
        /// SUPER_ADMIN, ADMIN, STAFF_ADMIN or AUDITOR.
        #[arg(long, default_value = "SUPER_ADMIN")]
        role: String,
    },
    /// Print a one-time sign-in link for an account.
    Link {
        /// Its e-mail address.
        #[arg(long)]
        email: String,
    },
}

/// `token …`
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make a token and print it once.
    Create {
        /// Name for people.
        #[arg(long)]
        name: String,
        /// What it may: ingest, metrics:read, flags:read, deploys:write, instances:write. Repeat or separate by commas.
        #[arg(long = "scope", value_delimiter = ',', required = true)]
        scopes: Vec<String>,
        /// Days until it expires.
        #[arg(long, default_value_t = 365)]
        days: u32,
    },
}

/// `deploy …`
#[derive(Debug, Subcommand)]
pub enum Deploy {
    /// Tell a running control center of a deploy. What is not given is taken from the variables of the CI (GitHub Actions, GitLab, CircleCI,
    /// Buildkite, Render and others) and from git. The token is read from QD_TOKEN; it needs the scope deploys:write.
    /// Exit codes: 0 recorded, 2 wrong usage, 3 something is missing, 4 the token was refused, 5 the deploy was refused, 6 not reached.
    Record(Box<DeployRecord>),
}

/// `deploy record`
#[derive(Clone, Debug, Default, Args)]
pub struct DeployRecord {
    /// Where the control center is: https://ops.example.
    #[arg(long, env = "QD_URL")]
    pub url: Option<String>,
    /// Service: web. Render's name of it if not given.
    #[arg(long, env = "QD_DEPLOY_SERVICE")]
    pub service: Option<String>,
    /// Environment; that of the control center if not given.
    #[arg(long)]
    pub environment: Option<String>,
    /// in_progress, live, failed or canceled.
    #[arg(long, default_value = "live")]
    pub status: String,
    /// Commit, or the name of a release.
    #[arg(long)]
    pub sha: Option<String>,
    /// Branch.
    #[arg(long)]
    pub branch: Option<String>,
    /// Author of the commit.
    #[arg(long)]
    pub author: Option<String>,
    /// Message of the commit.
    #[arg(long)]
    pub message: Option<String>,
    /// Page of the run.
    #[arg(long)]
    pub run_url: Option<String>,
    /// Your id of this deploy: the same one is recorded once. Made of the CI's run if not given.
    #[arg(long)]
    pub id: Option<String>,
    /// When it began (RFC 3339).
    #[arg(long)]
    pub started_at: Option<String>,
    /// When it ended (RFC 3339).
    #[arg(long)]
    pub finished_at: Option<String>,
    /// When the commit was made (RFC 3339).
    #[arg(long)]
    pub commit_at: Option<String>,
    /// What went wrong.
    #[arg(long)]
    pub error: Option<String>,
    /// Seconds to wait for the answer.
    #[arg(long, default_value_t = 10)]
    pub timeout: u64,
}

/// `audit …`
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Verify the chain in the database, or offline in an export. Exit code 3: it is broken.
    Verify {
        /// An export (JSON lines); without it, the database.
        file: Option<PathBuf>,
    },
    /// Write the whole trail as JSON lines.
    Export {
        /// Where to.
        file: PathBuf,
    },
}

/// `config …`
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Explain every problem at once.
    Check,
    /// Print what holds, with secrets masked.
    Show,
}

/// `flags …`
#[derive(Debug, Subcommand)]
pub enum Flags {
    /// Print all flags.
    List,
    /// Print one flag.
    Show {
        /// Key of the flag.
        key: String,
    },
    /// Turn a flag off for everybody. A control center that runs serves it within a second.
    Kill {
        /// Key of the flag.
        key: String,
        /// Why, for the audit trail.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Say why a flag gives what it gives in a context.
    Explain {
        /// Key of the flag.
        key: String,
        /// The context as JSON.
        #[arg(long, default_value = "{}")]
        context: String,
    },
}

/// `maintenance …`
#[derive(Debug, Subcommand)]
pub enum Maintenance {
    /// Print what holds and what is scheduled.
    Status,
    /// Start one now; if one of its type holds, extend it. A control center that runs serves it within a second.
    Enable {
        /// global-readonly, vendor-readonly, queue-drain, database-maintenance or deployment.
        #[arg(value_name = "TYPE")]
        kind: String,
        /// Minutes that it lasts; 60, or 30 for a drain.
        #[arg(long)]
        minutes: Option<i64>,
        /// Text for people.
        #[arg(long)]
        message: Option<String>,
        /// Id of a vendor that a vendor read-only holds. Repeat for more; all if none is given.
        #[arg(long = "vendor")]
        vendors: Vec<String>,
        /// Why, in 10 to 500 characters.
        #[arg(long)]
        reason: String,
        /// Type "ENABLE MAINTENANCE".
        #[arg(long)]
        confirm: Option<String>,
    },
    /// End it: writes are open again.
    End {
        /// Its type.
        #[arg(value_name = "TYPE")]
        kind: String,
        /// Why.
        #[arg(long)]
        reason: Option<String>,
    },
}
