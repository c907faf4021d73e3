-- Times are microseconds UTC, money is integer cents (US dollars), ids are UUIDs of version 7.

CREATE TABLE users (
    id UUID NOT NULL PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    password TEXT,
    name TEXT NOT NULL,
    first_name TEXT,
    last_name TEXT,
    phone TEXT,
    zip_code TEXT,
    loyalty_member BOOLEAN NOT NULL,
    email_verified BOOLEAN NOT NULL,
    email_verified_at BIGINT,
    status TEXT NOT NULL CHECK (status IN ('ACTIVE', 'PENDING', 'SUSPENDED', 'SOFT_DELETED')),
    onboarding_stage TEXT NOT NULL CHECK (onboarding_stage IN ('NOT_STARTED', 'IN_PROGRESS', 'NEEDS_ATTENTION', 'COMPLETE')),
    last_active_at BIGINT,
    locale TEXT NOT NULL,
    timezone TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);

CREATE TABLE user_roles (
    id UUID NOT NULL PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id),
    role TEXT NOT NULL CHECK (role IN ('CUSTOMER', 'VENDOR', 'B2B_VENDOR', 'EVENT_COORDINATOR', 'DROPOFF_MANAGER', 'SUPPORT', 'FINANCE', 'STAFF_ADMIN', 'ADMIN', 'SUPER_ADMIN')),
    scopes JSONB,
    created_at BIGINT NOT NULL,
    UNIQUE (user_id, role)
);

CREATE TABLE vendor_profiles (
    id UUID NOT NULL PRIMARY KEY,
    user_id UUID NOT NULL UNIQUE REFERENCES users (id),
    store_name TEXT NOT NULL,
    slug TEXT NOT NULL UNIQUE,
    bio TEXT,
    subscription_status TEXT NOT NULL CHECK (subscription_status IN ('TRIALING', 'ACTIVE', 'PAST_DUE', 'CANCELED', 'INCOMPLETE')),
    tags JSONB NOT NULL,
    city TEXT NOT NULL,
    state TEXT NOT NULL,
    country TEXT NOT NULL,
    ships_national BOOLEAN NOT NULL,
    rating_avg DOUBLE PRECISION NOT NULL,
    rating_count BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE products (
    id UUID NOT NULL PRIMARY KEY,
    vendor_profile_id UUID NOT NULL REFERENCES vendor_profiles (id),
    type TEXT NOT NULL CHECK (type IN ('FOOD', 'NON_FOOD', 'SERVICE')),
    name TEXT NOT NULL,
    slug TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    category_id TEXT NOT NULL,
    tags JSONB,
    image_url TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    price_cents BIGINT NOT NULL CHECK (price_cents > 0),
    base_cost_cents BIGINT NOT NULL,
    sku TEXT NOT NULL,
    stock BIGINT NOT NULL CHECK (stock >= 0),
    rating_avg DOUBLE PRECISION NOT NULL,
    rating_count BIGINT NOT NULL,
    search_vec TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE orders (
    id UUID NOT NULL PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id),
    order_number TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('PENDING', 'PAID', 'CONFIRMED', 'PREPARING', 'IN_PRODUCTION', 'COMPLETED', 'CANCELLED', 'FAILED', 'REFUNDED')),
    subtotal_cents BIGINT NOT NULL CHECK (subtotal_cents >= 0),
    tax_cents BIGINT NOT NULL CHECK (tax_cents >= 0),
    shipping_cents BIGINT NOT NULL CHECK (shipping_cents >= 0),
    total_cents BIGINT NOT NULL CHECK (total_cents = subtotal_cents + tax_cents + shipping_cents),
    customer_name TEXT NOT NULL,
    customer_email TEXT NOT NULL,
    priority TEXT NOT NULL CHECK (priority IN ('LOW', 'MEDIUM', 'HIGH', 'RUSH')),
    payment_status TEXT NOT NULL,
    checkout_key UUID,
    expected_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE order_items (
    id UUID NOT NULL PRIMARY KEY,
    order_id UUID NOT NULL REFERENCES orders (id),
    product_id UUID NOT NULL REFERENCES products (id),
    vendor_profile_id UUID NOT NULL REFERENCES vendor_profiles (id),
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    unit_price_cents BIGINT NOT NULL,
    cogs_unit_cents BIGINT,
    total_cents BIGINT NOT NULL CHECK (total_cents = quantity * unit_price_cents),
    status TEXT NOT NULL,
    made_qty BIGINT NOT NULL
);

CREATE TABLE ledger_entries (
    id UUID NOT NULL PRIMARY KEY,
    occurred_at BIGINT NOT NULL,
    type TEXT NOT NULL CHECK (type IN ('ORDER_FEE', 'PROCESSING_FEE', 'EVENT_FEE', 'SUBSCRIPTION_FEE', 'PAYOUT', 'REFUND', 'DISPUTE_HOLD', 'DISPUTE_WIN', 'DISPUTE_LOSS', 'ADJUSTMENT', 'PROMO_APPLIED', 'TAX_COLLECTED')),
    amount_cents BIGINT NOT NULL,
    currency TEXT NOT NULL,
    user_id UUID,
    order_id UUID,
    payout_id UUID
);

CREATE TABLE payouts (
    id UUID NOT NULL PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id),
    gross_cents BIGINT NOT NULL,
    fee_cents BIGINT NOT NULL,
    net_cents BIGINT NOT NULL CHECK (net_cents = gross_cents - fee_cents),
    status TEXT NOT NULL CHECK (status IN ('PENDING', 'IN_TRANSIT', 'PAID', 'CANCELED', 'FAILED')),
    period_start BIGINT NOT NULL,
    period_end BIGINT NOT NULL,
    expected_date BIGINT NOT NULL,
    completed_at BIGINT,
    stripe_payout_id TEXT,
    created_at BIGINT NOT NULL,
    UNIQUE (user_id, period_start)
);

CREATE TABLE revenue_snapshots (
    id UUID NOT NULL PRIMARY KEY,
    date TEXT NOT NULL UNIQUE,
    gmv_cents BIGINT NOT NULL,
    platform_revenue_cents BIGINT NOT NULL,
    marketplace_fee_cents BIGINT NOT NULL,
    event_fee_cents BIGINT NOT NULL,
    subscription_fee_cents BIGINT NOT NULL,
    processing_cost_cents BIGINT NOT NULL,
    refunds_cents BIGINT NOT NULL,
    disputes_cents BIGINT NOT NULL,
    net_revenue_cents BIGINT NOT NULL,
    take_rate_bps BIGINT NOT NULL,
    payouts_pending_cents BIGINT NOT NULL,
    payouts_in_transit_cents BIGINT NOT NULL,
    payouts_completed_cents BIGINT NOT NULL,
    tax_collected_cents BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE analytics_events (
    id UUID NOT NULL PRIMARY KEY,
    vendor_profile_id UUID NOT NULL,
    user_id UUID,
    product_id UUID,
    order_id UUID,
    event_type TEXT NOT NULL CHECK (event_type IN ('view', 'detail', 'add_to_cart', 'checkout_start', 'purchase')),
    event_data JSONB,
    session_id TEXT,
    created_at BIGINT NOT NULL
);

CREATE TABLE analytics_daily (
    date TEXT NOT NULL,
    vendor_profile_id UUID NOT NULL,
    event_type TEXT NOT NULL,
    events BIGINT NOT NULL,
    PRIMARY KEY (date, vendor_profile_id, event_type)
);

CREATE TABLE vendor_segments (
    id UUID NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    criteria JSONB NOT NULL,
    vendor_count BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE verification_tokens (
    id UUID NOT NULL PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id),
    token_hash BYTEA NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);

CREATE TABLE sessions (
    token_hash BYTEA NOT NULL PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE notifications (
    id UUID NOT NULL PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id),
    title TEXT NOT NULL,
    link TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    read_at BIGINT
);

CREATE TABLE counters (
    name TEXT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);

-- How the data came to be: one row. An unfinished generation is started over.
CREATE TABLE generation (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    seed BIGINT NOT NULL,
    orders BIGINT NOT NULL,
    until BIGINT NOT NULL,
    completed_at BIGINT
);
