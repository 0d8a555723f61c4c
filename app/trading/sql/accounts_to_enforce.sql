-- Open accounts whose access differs from what locks and staff want, as `access.rules.gaps` says it of one. What somebody
-- changed on the platform is read afresh first; what we have not seen yet (`access_known` is null) is only taken from.
WITH account AS (
    SELECT a.*,
        a.client_id = ANY(:platform_sign_in) OR a.withheld ? 'platform_sign_in' AS no_sign_in,
        a.client_id = ANY(:trade) OR a.withheld ? 'trade' AS no_trade,
        a.client_id = ANY(:trade_open) OR a.withheld ? 'trade_open' AS no_open,
        a.client_id = ANY(:expert_trading) OR a.withheld ? 'expert_trading' AS no_robots,
        a.client_id = ANY(:platform_password) OR a.withheld ? 'platform_password' AS no_password
    FROM trading_account AS a
    WHERE a.tenant_id = :tenant_id AND a.platform_id = :platform_id AND a.status = 'active'
)
SELECT a.id
FROM account AS a
WHERE (a.access_known IS NULL OR a.access_known = jsonb_build_object(
    'can_sign_in', a.may_sign_in, 'can_trade', a.may_trade, 'can_open', a.may_open,
    'can_use_robots', a.may_use_robots, 'can_change_password', a.may_change_password))
AND (
    (a.may_sign_in = a.no_sign_in AND (a.no_sign_in OR a.access_known IS NOT NULL))
    OR (a.may_trade AND a.no_trade AND (a.may_open OR NOT :has_access_levels))
    OR (NOT a.may_trade AND NOT a.no_trade AND NOT a.no_sign_in AND a.may_sign_in AND a.access_known IS NOT NULL)
    OR (:has_close_only AND NOT a.no_sign_in AND NOT a.no_trade AND a.may_sign_in AND a.may_trade
        AND a.may_open = a.no_open AND (a.no_open OR a.access_known IS NOT NULL))
    OR (:has_robots_switch AND a.may_use_robots = a.no_robots AND (a.no_robots OR a.access_known IS NOT NULL))
    OR (:has_password_switch AND a.may_change_password = a.no_password AND (a.no_password OR a.access_known IS NOT NULL))
)
AND NOT EXISTS (
    SELECT FROM platform_operation AS o
    WHERE o.tenant_id = :tenant_id AND o.account_id = a.id AND o.kind = 'set_rights'
    AND o.state IN ('requested', 'sent', 'unknown')
)
-- Refused by the platform since the last change that it carried out: again after 20 s, then after twice as long each
-- time. A platform that is away is another matter.
AND NOT EXISTS (
    SELECT FROM (
        SELECT count(*) AS times, max(o.finished_at) AS last
        FROM platform_operation AS o
        WHERE o.tenant_id = :tenant_id AND o.account_id = a.id AND o.kind = 'set_rights' AND o.state = 'refused'
        AND o.refusal_reason NOT IN ('not_sent', 'expired')
        AND o.finished_at > coalesce((
            SELECT max(d.finished_at) FROM platform_operation AS d
            WHERE d.tenant_id = :tenant_id AND d.account_id = a.id AND d.kind = 'set_rights'
            AND d.state IN ('confirmed', 'reconciled')
        ), '-infinity')
    ) AS refused
    WHERE refused.times > 0
    AND refused.last + least(20 * 2 ^ least(refused.times - 1, 5), 600) * interval '1 second' > :now
)
ORDER BY a.id
LIMIT 200
