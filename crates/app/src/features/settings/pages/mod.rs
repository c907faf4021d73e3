//! The pages of the settings, and the forms behind their buttons.

mod configuration;
mod person;
mod profile;
mod reveal;
mod tokens;
mod users;

use http::Method;
use maud::Markup;
use qd_core::gate::Access;

use crate::features::identity::{account, session, token};
use crate::ui::tabs::{Tab, tabs};
use crate::web::{Page, Place, Routes};

/// All routes.
pub fn routes(routes: Routes) -> Routes {
    let routes = people(own(routes));
    routes
        .page_at(Place::new("/settings/tokens", "/tokens"), Access::READ, "API tokens, without their secrets", tokens::list)
        .action::<token::CreateToken, _, _, _, _, _, _>(
            Place::new("/settings/tokens/new", "/tokens"),
            "Create an API token; its secret is shown once",
            tokens::create_dialog,
            tokens::create,
        )
        .action::<token::RevokeToken, _, _, _, _, _, _>(
            Place::new("/settings/tokens/{token}/revoke", "/tokens/{token}").method(Method::DELETE),
            "Revoke an API token",
            tokens::revoke_dialog,
            tokens::revoke,
        )
        .page_at(
            Place::new("/settings/configuration", "/settings/config"),
            Access::READ,
            "The configuration that holds, with secrets masked",
            configuration::show,
        )
}

fn own(routes: Routes) -> Routes {
    routes
        .page_at(Place::new("/settings", "/sessions"), Access::SignedIn, "One's own account and sessions", profile::show)
        .act::<session::EndSession, _, _, _, _>(
            Place::new("/settings/sessions/{session}/end", "/sessions/{session}").method(Method::DELETE),
            "End one of one's own sessions",
            profile::end_session,
        )
        .action::<account::Rename, _, _, _, _, _, _>(
            Place::new("/settings/name", "/profile").method(Method::PATCH),
            "Change one's own name",
            profile::name_dialog,
            profile::rename,
        )
        .action::<account::ChangePassword, _, _, _, _, _, _>(
            Place::new("/settings/password", "/profile/password"),
            "Change one's own password",
            profile::password_dialog,
            profile::change_password,
        )
}

fn people(routes: Routes) -> Routes {
    routes
        .page_at(Place::new("/settings/users", "/users"), Access::READ, "People, roles, and what each role may", users::list)
        .action::<account::CreateUser, _, _, _, _, _, _>(
            Place::new("/settings/users/new", "/users"),
            "Create an account; a one-time link is shown once",
            users::create_dialog,
            users::create,
        )
        .page_at(Place::new("/settings/users/{user}", "/users/{user}"), Access::READ, "One person and their sessions", person::show)
        .action::<account::SetRole, _, _, _, _, _, _>(
            Place::new("/settings/users/{user}/role", "/users/{user}/role"),
            "Give another role",
            person::role_dialog,
            person::set_role,
        )
        .action::<account::DisableUser, _, _, _, _, _, _>(
            Place::new("/settings/users/{user}/disable", "/users/{user}/disable"),
            "Disable an account",
            person::disable_dialog,
            person::disable,
        )
        .action::<account::EnableUser, _, _, _, _, _, _>(
            Place::new("/settings/users/{user}/enable", "/users/{user}/enable"),
            "Enable an account",
            person::enable_dialog,
            person::enable,
        )
        .action::<account::ResetPassword, _, _, _, _, _, _>(
            Place::new("/settings/users/{user}/password", "/users/{user}/password"),
            "Take a password away and make a one-time link",
            person::reset_dialog,
            person::reset,
        )
        .action::<session::EndUserSessions, _, _, _, _, _, _>(
            Place::new("/settings/users/{user}/sessions/end", "/users/{user}/sessions").method(Method::DELETE),
            "End all sessions of a person",
            person::end_dialog,
            person::end_sessions,
        )
}

/// The tabs that this person may open.
fn tab_line(page: &Page<'_>, current: &str) -> Markup {
    let all = [
        ("Your account", "/settings", Access::SignedIn),
        ("Users & roles", "/settings/users", Access::READ),
        ("API tokens", "/settings/tokens", Access::READ),
        ("Configuration", "/settings/configuration", Access::READ),
    ];
    let open = all.into_iter().filter(|(_, _, access)| access.admits(page.actor));
    tabs("Settings", &open.map(|(label, href, _)| Tab::new(label, href, href == current)).collect::<Vec<_>>())
}

/// "Firefox on Linux", from what a browser says of itself; none for what is not known.
fn device(user_agent: Option<&str>) -> Option<String> {
    let text = user_agent?;
    // Most browsers name several; the first that is found here is the true one.
    let browsers = [("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"), ("curl/", "curl")];
    let systems = [("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS X", "macOS"), ("Linux", "Linux")];
    let find = |list: &[(&str, &'static str)]| list.iter().find(|(mark, _)| text.contains(mark)).map(|(_, name)| *name);
    match (find(&browsers), find(&systems)) {
        (Some(browser), Some(system)) => Some(format!("{browser} on {system}")),
        (Some(browser), None) => Some(browser.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::device;

    #[test]
    fn devices_are_named() {
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0";
        assert_eq!(device(Some(edge)).as_deref(), Some("Edge on Windows"));
        assert_eq!(device(Some("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")).as_deref(), Some("Firefox on Linux"));
        assert_eq!(device(Some("curl/8.5.0")).as_deref(), Some("curl"));
        assert_eq!(device(Some("something")), None);
    }
}
