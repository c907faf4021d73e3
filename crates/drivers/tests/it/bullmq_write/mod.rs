//! What the driver changes in queues of BullMQ, with the real libraries beside it: those of npm (packages `bullmq5`, `bullmq6`) in `QD_TEST_CLIENTS_NODE`.

mod archive;
mod bench;
mod bulk;
mod equal;
mod mixed;
mod once;
mod pause;
mod schedules;
mod suite;
