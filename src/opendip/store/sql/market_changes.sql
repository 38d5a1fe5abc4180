-- Changing the market as a whole.

-- name: lock_market
-- Wait until nobody else changes the market as a whole; until the end of the transaction nobody will.
lock table market_version in share row exclusive mode
