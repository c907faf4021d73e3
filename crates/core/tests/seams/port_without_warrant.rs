//! A port's changing method takes a warrant.
use qd_core::port::Queue;

async fn sneak(queue: &dyn Queue) {
    let _ = queue.pause("email").await; //~ E0061 `&Warrant` is missing
    let _ = queue.resume(&(), "email").await; //~ E0308 expected `&Warrant`, found `&()`
}
