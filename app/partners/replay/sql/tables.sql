-- Tables of the session's own: what the engine writes here is gone with the transaction.
CREATE TABLE pg_temp.run_rule (LIKE public.run_rule INCLUDING DEFAULTS INCLUDING INDEXES) ON COMMIT DROP;
CREATE TABLE pg_temp.run_term (LIKE public.run_term INCLUDING DEFAULTS INCLUDING INDEXES) ON COMMIT DROP;
CREATE TABLE pg_temp.run_quote (LIKE public.run_quote INCLUDING DEFAULTS INCLUDING INDEXES) ON COMMIT DROP;
CREATE TABLE pg_temp.run_gate (LIKE public.run_gate INCLUDING DEFAULTS INCLUDING INDEXES) ON COMMIT DROP;
CREATE TABLE pg_temp.run_receiver (LIKE public.run_receiver INCLUDING DEFAULTS INCLUDING INDEXES) ON COMMIT DROP;
CREATE TABLE pg_temp.run_cashback (LIKE public.run_cashback INCLUDING DEFAULTS INCLUDING INDEXES) ON COMMIT DROP;
CREATE TABLE pg_temp.run_own_term (LIKE public.run_own_term INCLUDING DEFAULTS INCLUDING INDEXES) ON COMMIT DROP;
CREATE TABLE pg_temp.run_rank (LIKE public.run_rank INCLUDING DEFAULTS INCLUDING INDEXES) ON COMMIT DROP;
CREATE TABLE pg_temp.run_rate (LIKE public.run_rate INCLUDING DEFAULTS INCLUDING INDEXES) ON COMMIT DROP;
CREATE TABLE pg_temp.commission_volume (LIKE public.commission_volume INCLUDING DEFAULTS INCLUDING INDEXES) ON COMMIT DROP;
CREATE TABLE pg_temp.run_volume (LIKE public.run_volume INCLUDING DEFAULTS INCLUDING INDEXES) ON COMMIT DROP;
CREATE TABLE pg_temp.run_spread (LIKE public.run_spread INCLUDING DEFAULTS INCLUDING INDEXES) ON COMMIT DROP;
CREATE TABLE pg_temp.run_used_cap (LIKE public.run_used_cap INCLUDING DEFAULTS INCLUDING INDEXES) ON COMMIT DROP;
CREATE TABLE pg_temp.run_pair (LIKE public.run_pair INCLUDING DEFAULTS INCLUDING INDEXES) ON COMMIT DROP;
CREATE TABLE pg_temp.symbol_spread_day (LIKE public.symbol_spread_day INCLUDING INDEXES) ON COMMIT DROP;
CREATE TABLE pg_temp.partner_day_sum (LIKE public.partner_day_sum INCLUDING INDEXES) ON COMMIT DROP;
CREATE TABLE pg_temp.settled_trade (LIKE public.settled_trade INCLUDING DEFAULTS INCLUDING INDEXES) ON COMMIT DROP;
CREATE TABLE pg_temp.commission_line (LIKE public.commission_line INCLUDING DEFAULTS) ON COMMIT DROP;
CREATE TABLE pg_temp.commission_reason (LIKE public.commission_reason INCLUDING DEFAULTS) ON COMMIT DROP;
CREATE TABLE pg_temp.commission_hold (LIKE public.commission_hold INCLUDING DEFAULTS) ON COMMIT DROP;
CREATE TABLE pg_temp.commission_award (LIKE public.commission_award INCLUDING DEFAULTS INCLUDING INDEXES) ON COMMIT DROP;
CREATE TABLE pg_temp.commission_award_hold (LIKE public.commission_award_hold INCLUDING INDEXES) ON COMMIT DROP
