//! The one screen that the demo prints.

use std::net::SocketAddr;

use serde_json::json;

use crate::cli::Demo;

/// What it tells.
pub(super) struct Facts<'a> {
    pub address: SocketAddr,
    pub shop: SocketAddr,
    pub link: &'a str,
    pub pid: u32,
    pub options: &'a Demo,
}

/// Prints it; as one JSON line for programs.
pub(super) fn show(facts: &Facts<'_>, json: bool) {
    let Facts { address, shop, link, pid, options } = facts;
    if json {
        println!("{}", json!({ "url": format!("http://{address}"), "marketplace": format!("http://{shop}"), "signin": link, "marketplacePid": pid }));
        return;
    }
    let traffic = if options.no_traffic { "no visitors".to_owned() } else { format!("simulated visitors, scenario {}", options.scenario) };
    println!(
        "
  Quarterdeck {version} is running.

    Control center   http://{address}
    Marketplace      http://{shop}   ({traffic}; process {pid})
    Data             {data}

    Sign in once with this link (it works for an hour, and one time):

      {link}

    Try: kill {pid}, and watch Health say so within a minute.
    Or stop with Ctrl-C and start again with --scenario deploy-regression.
",
        version = crate::VERSION,
        data = options.data_dir.display(),
    );
}
