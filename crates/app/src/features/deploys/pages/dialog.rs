//! The dialogs of the actions, and what they answer.

use maud::{Markup, html};
use qd_core::Result;
use qd_core::gate::Preview;
use serde::Serialize;
use utoipa::ToSchema;

use crate::features::deploys::instances;
use crate::features::deploys::record::{self, short};
use crate::features::deploys::rollback::{self, RollBack, RolledBack, SetAutoDeploy};
use crate::ui::{Button, format, page_head};
use crate::web::{Ctx, Dialog, Form, Page, View};

/// Makes an earlier deploy live again.
pub async fn rollback(ctx: Ctx, _: Form) -> Result<Dialog> {
    let deploy = record::find(&ctx.app, ctx.id("id")?).await?;
    let plan = rollback::plan(&ctx.app, &deploy).await?;
    let fleet = instances::all(&ctx.app, Some(&deploy.environment)).await?;
    let alive = fleet.iter().filter(|one| one.alive && one.service == deploy.service).count();
    let undone = record::live_since(&ctx.app, &deploy).await?;
    let now = plan.replaces.as_ref().map_or_else(|| "what is live".to_owned(), |live| live.build().to_owned());
    let live = deploy.live_at().unwrap_or(deploy.started_at);
    let action = RollBack { deploy: deploy.id, service: deploy.service.clone(), sha: deploy.sha.clone() };
    let effects = vec![
        format!("{} makes {} live again in place of {now}.", rollback::driver(&ctx.app), deploy.build()),
        format!(
            "Auto-deploy of {} is turned off, so that the next push does not ship the fault again. Turn it on again when it is mended.",
            plan.target.name
        ),
        "Database migrations stay as they are: an older build must be able to work with them.".into(),
    ];
    let figures = vec![("deploys undone".into(), undone), ("instances".into(), i64::try_from(alive).unwrap_or(i64::MAX))];
    let dialog = Dialog::of(&action, format!("Roll back to {}", deploy.build()));
    let dialog = effects.iter().fold(dialog, |dialog, effect| dialog.effect(effect.clone()));
    Ok(dialog
        .lead(format!("{} in {} returns to the build of {} UTC.", deploy.service, deploy.environment, format::moment(live, ctx.now)))
        .icon("undo-2")
        .preview(Preview { effects, figures, sample: Vec::new() })
        .submit("Roll back")
        .cancel(format!("/deployments/{}", deploy.id))
        .undo(format!("You can deploy {now} again.")))
}

/// Lets pushes deploy a service by themselves, or not.
pub async fn auto_deploy(ctx: Ctx, form: Form) -> Result<Dialog> {
    let target = rollback::target(&ctx.app, ctx.param("target")?)?;
    let on = form.value("on") != "false";
    let word = if on { "on" } else { "off" };
    let effect = if on { "Every push to its branch is deployed again." } else { "A push deploys nothing until it is turned on again." };
    let action = SetAutoDeploy { target: target.id.clone(), service: target.name.clone(), on };
    Ok(Dialog::of(&action, format!("Turn auto-deploy of {} {word}", target.name))
        .lead(format!("At {}, {}.", rollback::driver(&ctx.app), target.id))
        .icon("power")
        .effect(effect)
        .fields(html! { input type="hidden" name="on" value=(on); })
        .submit(format!("Turn it {word}"))
        .cancel("/deployments")
        .undo("You can change it back."))
}

/// What a rollback did, in a line.
pub(super) fn said(done: &RolledBack) -> String {
    if done.auto_deploy_off {
        format!("Rollback of {} to {} started; auto-deploy is off", done.service, short(&done.sha))
    } else {
        format!("Rollback of {} to {} started; auto-deploy is STILL ON", done.service, short(&done.sha))
    }
}

/// What a rollback did.
#[derive(Debug, Serialize, ToSchema)]
pub struct RolledBackView {
    /// The parts of it.
    #[serde(flatten)]
    pub rolled_back: RolledBack,
}

impl View for RolledBackView {
    fn title(&self) -> String {
        "Rolled back".into()
    }

    fn body(&self, _page: &Page<'_>) -> Markup {
        html! { (page_head(&said(&self.rolled_back), &self.rolled_back.next, &html! { (Button::link("All deploys", "/deployments")) })) }
    }
}

/// Whether pushes deploy a service by themselves.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AutoDeployView {
    /// Service.
    pub service: String,
    /// On or off.
    pub auto_deploy: bool,
}

impl View for AutoDeployView {
    fn title(&self) -> String {
        format!("Auto-deploy of {}", self.service)
    }

    fn body(&self, _page: &Page<'_>) -> Markup {
        let word = if self.auto_deploy { "on" } else { "off" };
        html! { (page_head(&self.title(), &format!("It is {word}."), &html! { (Button::link("All deploys", "/deployments")) })) }
    }
}
