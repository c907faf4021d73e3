//! A route of the data plane says who may use it.
use app::web::Routes;

fn publish<F>(routes: Routes, take: F) -> Routes {
    routes.raw(Default::default(), "/take", "Takes everything", take) //~ E0061 access::Access` is missing
}
