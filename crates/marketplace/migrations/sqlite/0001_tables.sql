-- Times are microseconds UTC, money is integer cents (US dollars), ids are UUIDs of version 7.
-- Tables that only grow in time order are WITHOUT ROWID: their key is the order of insertion, so one B-tree is enough.

CREATE TABLE users (
    id BLOB NOT NULL PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    password TEXT,
    name TEXT NOT NULL,
    first_name TEXT,
    last_name TEXT,
    phone TEXT,
    zip_code TEXT,
    loyalty_member INTEGER NOT NULL CHECK (loyalty_member IN (0, 1)),
    email_verified INTEGER NOT NULL CHECK (email_verified IN (0, 1)),
    email_verified_at INTEGER,
    status TEXT NOT NULL CHECK (status IN ('ACTIVE', 'PENDING', 'SUSPENDED', 'SOFT_DELETED')),
    onboarding_stage TEXT NOT NULL CHECK (onboarding_stage IN ('NOT_STARTED', 'IN_PROGRESS', 'NEEDS_ATTENTION', 'COMPLETE')),
    last_active_at INTEGER,
    locale TEXT NOT NULL,
    timezone TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;

CREATE TABLE user_roles (
    id BLOB NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id),
    role TEXT NOT NULL CHECK (role IN ('CUSTOMER', 'VENDOR', 'B2B_VENDOR', 'EVENT_COORDINATOR', 'DROPOFF_MANAGER', 'SUPPORT', 'FINANCE', 'STAFF_ADMIN', 'ADMIN', 'SUPER_ADMIN')),
    scopes TEXT CHECK (json_valid(scopes)),
    created_at INTEGER NOT NULL,
    UNIQUE (user_id, role)
) STRICT;

CREATE TABLE vendor_profiles (
    id BLOB NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL UNIQUE REFERENCES users (id),
    store_name TEXT NOT NULL,
    slug TEXT NOT NULL UNIQUE,
    bio TEXT,
    subscription_status TEXT NOT NULL CHECK (subscription_status IN ('TRIALING', 'ACTIVE', 'PAST_DUE', 'CANCELED', 'INCOMPLETE')),
    tags TEXT NOT NULL CHECK (json_valid(tags)),
    city TEXT NOT NULL,
    state TEXT NOT NULL,
    country TEXT NOT NULL,
    ships_national INTEGER NOT NULL CHECK (ships_national IN (0, 1)),
    rating_avg REAL NOT NULL,
    rating_count INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE products (
    id BLOB NOT NULL PRIMARY KEY,
    vendor_profile_id BLOB NOT NULL REFERENCES vendor_profiles (id),
    type TEXT NOT NULL CHECK (type IN ('FOOD', 'NON_FOOD', 'SERVICE')),
    name TEXT NOT NULL,
    slug TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    category_id TEXT NOT NULL,
    tags TEXT CHECK (json_valid(tags)),
    image_url TEXT NOT NULL,
    active INTEGER NOT NULL CHECK (active IN (0, 1)),
    price_cents INTEGER NOT NULL CHECK (price_cents > 0),
    base_cost_cents INTEGER NOT NULL,
    sku TEXT NOT NULL,
    stock INTEGER NOT NULL CHECK (stock >= 0),
    rating_avg REAL NOT NULL,
    rating_count INTEGER NOT NULL,
    search_vec TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE orders (
    id BLOB NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id),
    order_number TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('PENDING', 'PAID', 'CONFIRMED', 'PREPARING', 'IN_PRODUCTION', 'COMPLETED', 'CANCELLED', 'FAILED', 'REFUNDED')),
    subtotal_cents INTEGER NOT NULL CHECK (subtotal_cents >= 0),
    tax_cents INTEGER NOT NULL CHECK (tax_cents >= 0),
    shipping_cents INTEGER NOT NULL CHECK (shipping_cents >= 0),
    total_cents INTEGER NOT NULL CHECK (total_cents = subtotal_cents + tax_cents + shipping_cents),
    customer_name TEXT NOT NULL,
    customer_email TEXT NOT NULL,
    priority TEXT NOT NULL CHECK (priority IN ('LOW', 'MEDIUM', 'HIGH', 'RUSH')),
    payment_status TEXT NOT NULL,
    checkout_key BLOB,
    expected_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE order_items (
    id BLOB NOT NULL PRIMARY KEY,
    order_id BLOB NOT NULL REFERENCES orders (id),
    product_id BLOB NOT NULL REFERENCES products (id),
    vendor_profile_id BLOB NOT NULL REFERENCES vendor_profiles (id),
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    unit_price_cents INTEGER NOT NULL,
    cogs_unit_cents INTEGER,
    total_cents INTEGER NOT NULL CHECK (total_cents = quantity * unit_price_cents),
    status TEXT NOT NULL,
    made_qty INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger_entries (
    id BLOB NOT NULL PRIMARY KEY,
    occurred_at INTEGER NOT NULL,
    type TEXT NOT NULL CHECK (type IN ('ORDER_FEE', 'PROCESSING_FEE', 'EVENT_FEE', 'SUBSCRIPTION_FEE', 'PAYOUT', 'REFUND', 'DISPUTE_HOLD', 'DISPUTE_WIN', 'DISPUTE_LOSS', 'ADJUSTMENT', 'PROMO_APPLIED', 'TAX_COLLECTED')),
    amount_cents INTEGER NOT NULL,
    currency TEXT NOT NULL,
    user_id BLOB,
    order_id BLOB,
    payout_id BLOB
) STRICT, WITHOUT ROWID;

CREATE TABLE payouts (
    id BLOB NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id),
    gross_cents INTEGER NOT NULL,
    fee_cents INTEGER NOT NULL,
    net_cents INTEGER NOT NULL CHECK (net_cents = gross_cents - fee_cents),
    status TEXT NOT NULL CHECK (status IN ('PENDING', 'IN_TRANSIT', 'PAID', 'CANCELED', 'FAILED')),
    period_start INTEGER NOT NULL,
    period_end INTEGER NOT NULL,
    expected_date INTEGER NOT NULL,
    completed_at INTEGER,
    stripe_payout_id TEXT,
    created_at INTEGER NOT NULL,
    UNIQUE (user_id, period_start)
) STRICT;

CREATE TABLE revenue_snapshots (
    id BLOB NOT NULL PRIMARY KEY,
    date TEXT NOT NULL UNIQUE,
    gmv_cents INTEGER NOT NULL,
    platform_revenue_cents INTEGER NOT NULL,
    marketplace_fee_cents INTEGER NOT NULL,
    event_fee_cents INTEGER NOT NULL,
    subscription_fee_cents INTEGER NOT NULL,
    processing_cost_cents INTEGER NOT NULL,
    refunds_cents INTEGER NOT NULL,
    disputes_cents INTEGER NOT NULL,
    net_revenue_cents INTEGER NOT NULL,
    take_rate_bps INTEGER NOT NULL,
    payouts_pending_cents INTEGER NOT NULL,
    payouts_in_transit_cents INTEGER NOT NULL,
    payouts_completed_cents INTEGER NOT NULL,
    tax_collected_cents INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE analytics_events (
    id BLOB NOT NULL PRIMARY KEY,
    vendor_profile_id BLOB NOT NULL,
    user_id BLOB,
    product_id BLOB,
    order_id BLOB,
    event_type TEXT NOT NULL CHECK (event_type IN ('view', 'detail', 'add_to_cart', 'checkout_start', 'purchase')),
    event_data TEXT CHECK (json_valid(event_data)),
    session_id TEXT,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE analytics_daily (
    date TEXT NOT NULL,
    vendor_profile_id BLOB NOT NULL,
    event_type TEXT NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (date, vendor_profile_id, event_type)
) STRICT, WITHOUT ROWID;

CREATE TABLE vendor_segments (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    criteria TEXT NOT NULL CHECK (json_valid(criteria)),
    vendor_count INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE verification_tokens (
    id BLOB NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id),
    token_hash BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT;

CREATE TABLE sessions (
    token_hash BLOB NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE notifications (
    id BLOB NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id),
    title TEXT NOT NULL,
    link TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    read_at INTEGER
) STRICT;

CREATE TABLE counters (
    name TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How the data came to be: one row. An unfinished generation is started over.
CREATE TABLE generation (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    seed INTEGER NOT NULL,
    orders INTEGER NOT NULL,
    until INTEGER NOT NULL,
    completed_at INTEGER
) STRICT;
