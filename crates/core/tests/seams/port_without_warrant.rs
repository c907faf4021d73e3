//! A port's changing method takes a warrant.
use qd_core::port::Queue;

async fn sneak(queue: &dyn Queue) {
    let _ = queue.pause("email").await;
    let _ = queue.resume(&(), "email").await;
}

fn main() {
    let _ = sneak;
}
