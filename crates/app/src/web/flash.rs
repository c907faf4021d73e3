//! The message after a change, carried over one redirect for browsers without script.

use qd_core::reading::Status;

use super::{Ctx, Toast, Undo};
use crate::ui::toast;

const NAME: &str = "qd_flash";

/// The toast as the design system draws it.
pub(super) fn toast(message: &Toast) -> toast::Toast {
    let toast = match message.audit_seq {
        Some(seq) => toast::Toast::done(&message.title, format!("/audit/{seq}"), format!("event {seq}")),
        None => toast::Toast::new(message.status, &message.title, ""),
    };
    match &message.undo {
        Some(undo) => toast.undo(&undo.href, &undo.label),
        None => toast,
    }
}

/// `Set-Cookie` that carries a message to the next page.
pub(super) fn write(message: &Toast) -> String {
    let seq = message.audit_seq.map(|seq| seq.to_string()).unwrap_or_default();
    // The title comes last: it may hold anything.
    let (href, label) =
        message.undo.as_ref().map_or((String::new(), String::new()), |undo| (undo.href.replace('|', "%7C"), undo.label.replace('|', "/")));
    let text = format!("{}|{seq}|{href}|{label}|{}", message.status.word(), message.title);
    let value: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
    format!("{NAME}={value}; Path=/; Max-Age=30; HttpOnly; SameSite=Lax")
}

/// `Set-Cookie` that ends it.
pub(super) fn clear() -> String {
    format!("{NAME}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax")
}

/// The message that the last page left.
pub(super) fn read(ctx: &Ctx) -> Option<Toast> {
    let raw = ctx.cookie(NAME).filter(|raw| !raw.is_empty())?;
    let (text, _) = form_urlencoded::parse(raw.as_bytes()).next()?;
    let mut parts = text.splitn(5, '|');
    let status = if parts.next()? == Status::Crit.word() { Status::Crit } else { Status::Ok };
    let audit_seq = parts.next()?.parse().ok();
    let (href, label) = (parts.next()?, parts.next()?);
    // Cookies can be planted: the link stays on this site.
    let ours = href.starts_with('/') && !href.starts_with("//") && !href.contains('\\');
    let undo = (ours && !label.is_empty()).then(|| Undo { label: label.chars().take(60).collect(), href: href.to_owned() });
    Some(Toast { status, audit_seq, undo, title: parts.next()?.chars().take(200).collect() })
}
