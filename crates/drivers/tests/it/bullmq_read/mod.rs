//! What the driver reads from queues of BullMQ, compared with what the real libraries say: npm's 5 and 6 in `QD_TEST_CLIENTS_NODE`, Python's in
//! `QD_TEST_CLIENTS_PYTHON`. Each test has a Redis of its own.

mod away;
mod equal;
mod ghosts;
mod happened;
mod library;
mod pages;
mod places;
mod server;
mod ticks;
