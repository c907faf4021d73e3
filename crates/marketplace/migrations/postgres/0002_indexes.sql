-- The generator drops these before it loads and makes them again afterwards: sorting once is far cheaper than
-- inserting at random places. One statement a line.

CREATE UNIQUE INDEX orders_order_number_key ON orders (order_number);
CREATE UNIQUE INDEX orders_checkout_key_key ON orders (checkout_key) WHERE checkout_key IS NOT NULL;
CREATE INDEX orders_user ON orders (user_id, created_at);
CREATE INDEX orders_created ON orders (created_at);
CREATE INDEX order_items_order ON order_items (order_id);
CREATE INDEX order_items_vendor ON order_items (vendor_profile_id, order_id);
CREATE INDEX order_items_product ON order_items (product_id, order_id);
CREATE INDEX ledger_entries_order ON ledger_entries (order_id);
CREATE INDEX ledger_entries_occurred ON ledger_entries (occurred_at);
CREATE INDEX payouts_status ON payouts (status, expected_date);
CREATE INDEX products_vendor ON products (vendor_profile_id, active, name);
CREATE INDEX products_category ON products (category_id, active, rating_count);
CREATE INDEX products_popular ON products (rating_count) WHERE active;
CREATE INDEX analytics_events_created ON analytics_events (created_at);
CREATE INDEX analytics_events_vendor ON analytics_events (vendor_profile_id, created_at);
CREATE INDEX user_roles_role ON user_roles (role, user_id);
CREATE INDEX notifications_user ON notifications (user_id, created_at);
CREATE INDEX sessions_expiry ON sessions (expires_at);
