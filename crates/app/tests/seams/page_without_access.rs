use app::web::{Ctx, Nothing, Reply, Routes, View};
use maud::{Markup, html};

#[derive(serde::Serialize, utoipa::ToSchema)]
struct Secrets {}

impl View for Secrets {
    fn title(&self) -> String {
        "Secrets".into()
    }

    fn body(&self, _page: &app::web::Page<'_>) -> Markup {
        html! {}
    }
}

async fn show(_: Ctx, _: Nothing) -> qd_core::Result<Reply<Secrets>> {
    Ok(Reply::ok(Secrets {}))
}

fn main() {
    let _ = Routes::default().page("/secrets", "Everything", show);
}
