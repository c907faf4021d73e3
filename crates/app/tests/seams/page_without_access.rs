//! A page says who may read it.
use app::web::Routes;

fn publish<F>(routes: Routes, show: F) -> Routes {
    routes.page("/secrets", "Everything", show) //~ E0061 access::Access` is missing
}
