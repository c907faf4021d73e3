use app::web::{Ctx, Routes};
use axum::body::Body;
use axum::http::{Method, Request, Response};

async fn take(_: Ctx, _: Request<Body>) -> Response<Body> {
    Response::new(Body::empty())
}

fn main() {
    let _ = Routes::default().raw(Method::POST, "/take", "Takes everything", take);
}
