//! What is known of a deploy: by flags, by the variables of the CI, by git; in this order.

use std::time::Duration;

use crate::cli::DeployRecord;

/// What is known. The names are those of the record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    pub service: Option<String>,
    pub environment: Option<String>,
    pub sha: Option<String>,
    pub branch: Option<String>,
    pub author: Option<String>,
    pub message: Option<String>,
    pub url: Option<String>,
    pub commit_at: Option<String>,
    /// The CI's run: with it the same deploy is recorded once.
    pub run: Option<String>,
}

/// Where a CI says what. Empty names say nothing.
struct Ci {
    /// The variable that tells that we run there.
    here: &'static str,
    sha: &'static str,
    branch: &'static str,
    author: &'static str,
    message: &'static str,
    url: &'static str,
    commit_at: &'static str,
    run: &'static str,
    service: &'static str,
    environment: &'static str,
}

const NONE: Ci = Ci { here: "", sha: "", branch: "", author: "", message: "", url: "", commit_at: "", run: "", service: "", environment: "" };

/// The well-known ones. GitHub's page of a run is put together below.
const KNOWN: [Ci; 8] = [
    Ci { here: "GITHUB_ACTIONS", sha: "GITHUB_SHA", branch: "GITHUB_REF_NAME", author: "GITHUB_ACTOR", run: "GITHUB_RUN_ID", ..NONE },
    Ci {
        here: "GITLAB_CI",
        sha: "CI_COMMIT_SHA",
        branch: "CI_COMMIT_REF_NAME",
        author: "CI_COMMIT_AUTHOR",
        message: "CI_COMMIT_MESSAGE",
        url: "CI_JOB_URL",
        commit_at: "CI_COMMIT_TIMESTAMP",
        run: "CI_PIPELINE_ID",
        environment: "CI_ENVIRONMENT_NAME",
        ..NONE
    },
    Ci {
        here: "CIRCLECI",
        sha: "CIRCLE_SHA1",
        branch: "CIRCLE_BRANCH",
        author: "CIRCLE_USERNAME",
        url: "CIRCLE_BUILD_URL",
        run: "CIRCLE_WORKFLOW_ID",
        ..NONE
    },
    Ci {
        here: "BUILDKITE",
        sha: "BUILDKITE_COMMIT",
        branch: "BUILDKITE_BRANCH",
        author: "BUILDKITE_BUILD_AUTHOR",
        message: "BUILDKITE_MESSAGE",
        url: "BUILDKITE_BUILD_URL",
        run: "BUILDKITE_BUILD_ID",
        ..NONE
    },
    Ci { here: "RENDER", sha: "RENDER_GIT_COMMIT", branch: "RENDER_GIT_BRANCH", service: "RENDER_SERVICE_NAME", ..NONE },
    Ci {
        here: "BITBUCKET_COMMIT",
        sha: "BITBUCKET_COMMIT",
        branch: "BITBUCKET_BRANCH",
        run: "BITBUCKET_PIPELINE_UUID",
        environment: "BITBUCKET_DEPLOYMENT_ENVIRONMENT",
        ..NONE
    },
    Ci { here: "TF_BUILD", sha: "BUILD_SOURCEVERSION", branch: "BUILD_SOURCEBRANCHNAME", author: "BUILD_REQUESTEDFOR", run: "BUILD_BUILDID", ..NONE },
    Ci { here: "JENKINS_URL", sha: "GIT_COMMIT", branch: "GIT_BRANCH", url: "BUILD_URL", run: "BUILD_TAG", ..NONE },
];

impl Facts {
    /// What the flags say.
    pub fn of_flags(options: &DeployRecord) -> Self {
        let options = options.clone();
        Self {
            service: options.service,
            environment: options.environment,
            sha: options.sha,
            branch: options.branch,
            author: options.author,
            message: options.message,
            url: options.run_url,
            commit_at: options.commit_at,
            run: None,
        }
    }

    /// What the variables of the first CI say that we run in.
    pub fn of_ci(variable: &impl Fn(&str) -> Option<String>) -> Self {
        let Some(ci) = KNOWN.iter().find(|ci| variable(ci.here).is_some()) else { return Self::default() };
        let get = |name: &str| if name.is_empty() { None } else { variable(name) };
        let run = get(ci.run).map(|run| format!("{}-{run}", ci.here.to_lowercase().trim_end_matches("_actions")));
        let mut found = Self {
            service: get(ci.service),
            environment: get(ci.environment),
            sha: get(ci.sha),
            branch: get(ci.branch),
            author: get(ci.author),
            message: get(ci.message),
            url: get(ci.url),
            commit_at: get(ci.commit_at),
            run,
        };
        if ci.here == "GITHUB_ACTIONS" {
            // A pull request's own branch; its ref is that of the merge.
            found.branch = get("GITHUB_HEAD_REF").or(found.branch);
            let page = (get("GITHUB_SERVER_URL"), get("GITHUB_REPOSITORY"), get("GITHUB_RUN_ID"));
            if let (Some(server), Some(repository), Some(run)) = page {
                found.url = Some(format!("{server}/{repository}/actions/runs/{run}"));
            }
            let attempt = get("GITHUB_RUN_ATTEMPT").unwrap_or_else(|| "1".into());
            found.run = found.run.map(|run| format!("{run}-{attempt}"));
        }
        // GitLab says "Name <address>": the address is nobody's business.
        found.author = found.author.map(|author| author.split('<').next().unwrap_or_default().trim().to_owned()).filter(|author| !author.is_empty());
        found
    }

    /// What is known, and what the other one knows beside.
    pub fn or(self, other: Self) -> Self {
        Self {
            service: self.service.or(other.service),
            environment: self.environment.or(other.environment),
            sha: self.sha.or(other.sha),
            branch: self.branch.or(other.branch),
            author: self.author.or(other.author),
            message: self.message.or(other.message),
            url: self.url.or(other.url),
            commit_at: self.commit_at.or(other.commit_at),
            run: self.run.or(other.run),
        }
    }
}

/// Adds what git knows of the commit. Without git or a checkout nothing is added.
pub(super) async fn with_git(facts: Facts) -> Facts {
    let commit = facts.sha.clone().unwrap_or_else(|| "HEAD".into());
    // Only a commit goes to git: nothing that it could take for an option.
    let plain = commit == "HEAD" || (commit.len() >= 7 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if !plain {
        return facts;
    }
    let Some(said) = git(&["log", "-1", "--format=%H%x00%an%x00%cI%x00%B", &commit]).await else { return facts };
    let mut parts = said.splitn(4, '\0').map(|part| Some(part.trim().to_owned()).filter(|part| !part.is_empty()));
    let mut next = || parts.next().flatten();
    let known = Facts { sha: next(), author: next(), commit_at: next(), message: next(), ..Facts::default() };
    let branch = match facts.branch {
        Some(_) => None,
        None => git(&["rev-parse", "--abbrev-ref", "HEAD"]).await.filter(|name| name != "HEAD"),
    };
    facts.or(Facts { branch, ..known })
}

/// Runs git with these arguments, without a shell, for at most five seconds.
async fn git(arguments: &[&str]) -> Option<String> {
    let run = tokio::process::Command::new("git").args(arguments).stdin(std::process::Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(Duration::from_secs(5), run).await.ok()?.ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ci(pairs: &'static [(&str, &str)]) -> Facts {
        Facts::of_ci(&|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_well_known_ones_are_understood() {
        let github = ci(&[
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_SHA", "4d7c3a9f"),
            ("GITHUB_REF_NAME", "12/merge"),
            ("GITHUB_HEAD_REF", "fix"),
            ("GITHUB_ACTOR", "octocat"),
            ("GITHUB_SERVER_URL", "https://github.example"),
            ("GITHUB_REPOSITORY", "a/b"),
            ("GITHUB_RUN_ID", "7"),
            ("GITHUB_RUN_ATTEMPT", "2"),
        ]);
        let said = (github.sha.as_deref(), github.branch.as_deref(), github.url.as_deref(), github.run.as_deref());
        assert_eq!(said, (Some("4d7c3a9f"), Some("fix"), Some("https://github.example/a/b/actions/runs/7"), Some("github-7-2")));
        let gitlab = ci(&[
            ("GITLAB_CI", "true"),
            ("CI_COMMIT_SHA", "aaaaaaa"),
            ("CI_COMMIT_AUTHOR", "Jo Web <jo@example.com>"),
            ("CI_PIPELINE_ID", "9"),
            ("CI_ENVIRONMENT_NAME", "staging"),
        ]);
        assert_eq!(
            (gitlab.author.as_deref(), gitlab.environment.as_deref(), gitlab.run.as_deref()),
            (Some("Jo Web"), Some("staging"), Some("gitlab_ci-9"))
        );
        let render = ci(&[("RENDER", "true"), ("RENDER_GIT_COMMIT", "bbbbbbb"), ("RENDER_SERVICE_NAME", "web"), ("GIT_COMMIT", "no")]);
        assert_eq!((render.sha.as_deref(), render.service.as_deref(), render.run), (Some("bbbbbbb"), Some("web"), None));
        assert_eq!(ci(&[("CI_COMMIT_SHA", "aaaaaaa")]), Facts::default(), "a variable alone is no CI");
    }

    #[test]
    fn flags_come_first() {
        let options = DeployRecord { sha: Some("ccccccc".into()), run_url: Some("https://x".into()), ..DeployRecord::default() };
        let facts = Facts::of_flags(&options).or(Facts { sha: Some("aaaaaaa".into()), branch: Some("main".into()), ..Facts::default() });
        assert_eq!((facts.sha.as_deref(), facts.branch.as_deref(), facts.url.as_deref()), (Some("ccccccc"), Some("main"), Some("https://x")));
    }
}
