-- One view of Popgate's log for lnav(1), whichever of its two forms was written: popgate-log(7). logfmt is
-- known to lnav itself, JSON by popgate.json beside this file.
--
--   ;SELECT * FROM popgate WHERE addr = '192.0.2.7' AND event IN ('smtp.relay', 'smtp.refused')
--   ;SELECT reason, count(*) FROM popgate WHERE event = 'smtp.refused' GROUP BY reason
CREATE VIEW IF NOT EXISTS popgate AS
	SELECT log_line, log_time,
		substr(log_raw_text, instr(log_raw_text, ' level=') + 7,
			instr(log_raw_text, ' prog=') - instr(log_raw_text, ' level=') - 7) AS level,
		json_extract(fields, '$.prog') AS prog,
		json_extract(fields, '$.event') AS event,
		json_extract(fields, '$.sid') AS sid,
		json_extract(fields, '$.addr') AS addr,
		json_extract(fields, '$.port') AS port,
		json_extract(fields, '$.user') AS user,
		json_extract(fields, '$.proof') AS proof,
		json_extract(fields, '$.reason') AS reason,
		fields
	FROM logfmt_log
	WHERE json_extract(fields, '$.prog') IN ('pop3d', 'smtpgate', 'popgate-store')
	UNION ALL
	SELECT log_line, log_time,
		json_extract(log_raw_text, '$.level'), prog, event, sid, addr, port, user,
		json_extract(log_raw_text, '$.proof'),
		json_extract(log_raw_text, '$.reason'),
		log_raw_text
	FROM popgate_json;
