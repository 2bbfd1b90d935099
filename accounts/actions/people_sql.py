"""The SQL of `people`: everything for all rows at once, over the temporary table `incoming_accounts`.

An id made from a handle is "@" and the handle in lower case ("made" below); `made_key` is the key that the account
would have under such an id. Text that isn't known is null in `incoming_accounts` and empty in the models' tables.

Tables that were just filled have no statistics yet, and PostgreSQL then takes every condition for one that few rows
meet. So rows are brought together by keys first, and conditions come after.
"""

# Each key is there once, which `people` sees to: an index would be upheld in every update, and nothing looks a row up.
CREATE_INCOMING = """
CREATE TEMPORARY TABLE IF NOT EXISTS incoming_accounts (
    key bigint NOT NULL, made_key bigint, network text NOT NULL, external_id text NOT NULL, handle text, name text,
    bio text, location text, website text, website_host text, followers bigint, following bigint, verified boolean,
    created_at bigint, place_id integer, person_id bigint, is_new boolean NOT NULL, wish_id bigint
) ON COMMIT DELETE ROWS
"""
EMPTY_INCOMING = "TRUNCATE incoming_accounts"
COPY_INCOMING = """
COPY incoming_accounts (
    key, made_key, network, external_id, handle, name, bio, location, website, website_host, followers, following,
    verified, created_at, place_id, person_id, is_new, wish_id
) FROM STDIN
"""

# Whose some keys are. They come sorted, so that neighbours are found on the same page of the index.
KNOWN = "SELECT key, network_id, external_id FROM accounts_identity WHERE key = ANY(%(keys)s)"
# Numbers for people who are to come: what isn't used of them is never given again.
RESERVE_PEOPLE = """
SELECT nextval(sequence)
FROM (SELECT pg_get_serial_sequence('accounts_person', 'id')::regclass AS sequence OFFSET 0) known,
    generate_series(1, %(count)s)
"""

# Who was erased when nothing but a handle was known of them is the account that now turns out to have it. Of the known
# accounts it is one whose handle wasn't known: one that had another before may have taken it over.
KNOWN_OF_ERASED = """
SELECT i.key
FROM incoming_accounts n
JOIN accounts_erasedaccount e ON e.key = n.made_key AND e.is_handle
JOIN accounts_identity i ON i.key = n.key
WHERE i.handle = '' AND NOT starts_with(i.external_id, '@')
"""
ERASED_BY_HANDLE = """
INSERT INTO accounts_erasedaccount (key, erased_at, is_handle)
SELECT n.key, e.erased_at, FALSE
FROM incoming_accounts n JOIN accounts_erasedaccount e ON e.key = n.made_key AND e.is_handle
WHERE NOT EXISTS (SELECT FROM accounts_identity i WHERE i.key = n.key)
ORDER BY n.key
ON CONFLICT DO NOTHING
"""
# Take out, and return, accounts that were erased.
ERASED = """
DELETE FROM incoming_accounts n
USING accounts_erasedaccount e
WHERE e.key = n.key
RETURNING n.network, n.external_id
"""

# What a profile newly says goes to its person too, where the person's own field was empty or said the same as the
# profile until now. Of several profiles of one person the one that gives a name counts.
UPDATE_PEOPLE = """
WITH facts AS (
    SELECT DISTINCT ON (i.person_id)
        p.id,
        CASE WHEN p.name IN ('', i.name) THEN coalesce(n.name, p.name) ELSE p.name END AS name,
        CASE WHEN p.bio IN ('', i.bio) THEN coalesce(n.bio, p.bio) ELSE p.bio END AS bio,
        CASE WHEN p.location IN ('', i.location) THEN coalesce(n.location, p.location) ELSE p.location END AS location,
        n.place_id
    FROM incoming_accounts n
    JOIN accounts_identity i ON i.key = n.key
    JOIN accounts_person p ON p.id = i.person_id AND p.user_id IS NULL
    ORDER BY i.person_id, n.name IS NULL, n.key
)
UPDATE accounts_person p
SET name = facts.name, bio = facts.bio, location = facts.location,
    place_id = CASE WHEN p.location = facts.location THEN p.place_id ELSE facts.place_id END
FROM facts
WHERE p.id = facts.id AND (p.name, p.bio, p.location) IS DISTINCT FROM (facts.name, facts.bio, facts.location)
"""

UPDATE_IDENTITIES = """
WITH facts AS (
    SELECT i.key,
        coalesce(n.handle, i.handle) AS handle, coalesce(n.name, i.name) AS name, coalesce(n.bio, i.bio) AS bio,
        coalesce(n.location, i.location) AS location, coalesce(n.website, i.website) AS website,
        coalesce(n.website_host, i.website_host) AS website_host, coalesce(n.followers, i.followers) AS followers,
        coalesce(n.following, i.following) AS following, coalesce(n.verified, i.verified) AS verified,
        coalesce(to_timestamp(n.created_at), i.created_at) AS created_at
    FROM incoming_accounts n JOIN accounts_identity i ON i.key = n.key
)
UPDATE accounts_identity i
SET handle = facts.handle, name = facts.name, bio = facts.bio, location = facts.location, website = facts.website,
    website_host = facts.website_host, followers = facts.followers, following = facts.following,
    verified = facts.verified, created_at = facts.created_at
FROM facts
WHERE i.key = facts.key
    AND (i.handle, i.name, i.bio, i.location, i.website, i.website_host, i.followers, i.following, i.verified,
         i.created_at)
        IS DISTINCT FROM
        (facts.handle, facts.name, facts.bio, facts.location, facts.website, facts.website_host, facts.followers,
         facts.following, facts.verified, facts.created_at)
"""

# Ids made from handles that have just been found to be somebody's.
MARK_KNOWN = """
UPDATE incoming_accounts n SET is_new = FALSE
FROM accounts_identity i
WHERE i.key = n.key AND n.is_new AND starts_with(n.external_id, '@')
"""

# A new account whose handle stands in earlier activity, under an id made from it, is that person. Not once the person
# has an account of the network: that was it, and whoever has the handle now may be anybody.
ATTACH_TO_PROVISIONAL = """
WITH pairs AS MATERIALIZED (
    SELECT n.key AS own, i.key, i.network_id, i.person_id
    FROM incoming_accounts n
    JOIN accounts_identity i ON i.key = n.made_key AND i.alias_of_id IS NULL
    WHERE n.is_new AND n.person_id IS NULL AND NOT starts_with(n.external_id, '@')
)
UPDATE incoming_accounts n SET person_id = known.person_id
FROM (
    SELECT DISTINCT ON (made.key) made.own, made.person_id
    FROM pairs made
    WHERE NOT EXISTS (
        SELECT FROM accounts_identity account
        WHERE account.person_id = made.person_id AND account.network_id = made.network_id
            AND NOT starts_with(account.external_id, '@')
    )
    ORDER BY made.key, made.own
) known
WHERE n.key = known.own
"""

# Handles are given out in rounds: an account gets its own, then with its network, then its id with the network, then
# numbered. Of several that want the same one the lowest key gets it. Where all wishes of a round were free, nothing has
# to be looked up and nothing updated.
_INSERT_PEOPLE = """
INSERT INTO accounts_person
    (id, handle, name, bio, location, place_id, email, claimed_via, is_hidden, is_seed, created_at)
SELECT {chosen} wish_id, wish, coalesce(name, ''), coalesce(bio, ''), coalesce(location, ''), place_id, '', '', FALSE,
    FALSE, %(now)s
FROM (
    SELECT *, CASE %(attempt)s
        WHEN 0 THEN handle
        WHEN 1 THEN coalesce(nullif(handle, ''), external_id) || '@' || network
        WHEN 2 THEN external_id || '@' || network
        ELSE external_id || '@' || network || '-' || (%(attempt)s - 1)::text
    END AS wish
    FROM incoming_accounts
    WHERE is_new AND person_id IS NULL AND starts_with(external_id, '@') = %(made)s
) wishing
WHERE wish <> '' {free}
ORDER BY lower(wish), key
{given}
"""
INSERT_PEOPLE = _INSERT_PEOPLE.format(chosen="", free="", given="ON CONFLICT DO NOTHING")
# The same without an index, which `ON CONFLICT` asks of each row, and where nobody else can add anybody.
INSERT_FIRST_PEOPLE = _INSERT_PEOPLE.format(
    chosen="DISTINCT ON (lower(wish))",
    free="AND NOT EXISTS (SELECT FROM accounts_person given WHERE lower(given.handle) = lower(wish))",
    given="",
)
# Who got what they wished has a person; the others wish again.
GRANT_WISHES = """
UPDATE incoming_accounts n SET person_id = p.id
FROM accounts_person p
WHERE n.is_new AND n.person_id IS NULL AND p.id = n.wish_id
"""
WAITING = """
SELECT count(*), count(*) FILTER (WHERE handle <> '') FROM incoming_accounts
WHERE is_new AND person_id IS NULL AND starts_with(external_id, '@') = %(made)s
"""

INSERT_IDENTITIES = """
INSERT INTO accounts_identity
    (key, network_id, external_id, handle, person_id, name, bio, location, website, website_host, followers, following,
     verified, created_at)
SELECT key, network, external_id, coalesce(handle, ''), coalesce(person_id, wish_id), coalesce(name, ''),
    coalesce(bio, ''), coalesce(location, ''), coalesce(website, ''), coalesce(website_host, ''), followers, following,
    coalesce(verified, FALSE), to_timestamp(created_at)
FROM incoming_accounts
WHERE is_new AND starts_with(external_id, '@') = %(made)s
ORDER BY key
"""

# Known accounts that turn out to have the handle from which an id was made: that id's rows are their person's, unless
# its account was found before. Not if somebody claimed the person meanwhile, nor against an operator's word: trust, an
# identity moved or proved, a merge undone. Who hid under the handle is hidden under the account too, and the two stay
# apart.
FOUND_PROVISIONAL = """
WITH pairs AS MATERIALIZED (
    SELECT i.key, i.network_id, i.person_id, i.proved_at, own.person_id AS new, own.key AS own
    FROM incoming_accounts n
    JOIN accounts_identity own ON own.key = n.key
    JOIN accounts_identity i ON i.key = n.made_key AND i.alias_of_id IS NULL
    WHERE i.person_id <> own.person_id AND NOT starts_with(n.external_id, '@')
), found AS MATERIALIZED (
    SELECT DISTINCT ON (made.key) made.key, made.own, made.new, p.id AS old, p.is_hidden,
        NOT p.is_hidden AND NOT p.is_seed AND p.user_id IS NULL AND p.claimed_at IS NULL AS is_free
    FROM pairs made JOIN accounts_person p ON p.id = made.person_id
    WHERE p.regrouped_at IS NULL AND made.proved_at IS NULL AND NOT EXISTS (
        SELECT FROM accounts_identity account
        WHERE account.person_id = made.person_id AND account.network_id = made.network_id
            AND NOT starts_with(account.external_id, '@')
    )
    ORDER BY made.key, made.own
), hidden AS (
    UPDATE accounts_person p SET is_hidden = TRUE
    FROM (SELECT DISTINCT new FROM found WHERE is_hidden) hiding
    WHERE p.id = hiding.new AND p.user_id IS NULL AND NOT p.is_hidden
)
SELECT key, own, old, new FROM found WHERE is_free ORDER BY key
"""
ADOPT_PROVISIONAL = """
UPDATE accounts_identity i SET person_id = moves.person_id
FROM unnest(%(keys)s::bigint[], %(people)s::bigint[]) moves (key, person_id)
WHERE i.key = moves.key
"""

# Find which account has the handle of a made id, keep the answer as an identity, so that it stays the same when handles
# change hands, and return it. A made id that was once kept as an account of its own remains that.
ALIASES = """
WITH found AS (
    SELECT n.key, n.network, n.external_id, n.handle, min(i.key) AS own
    FROM incoming_accounts n
    JOIN accounts_identity i
        ON i.network_id = n.network AND lower(i.handle) = substr(n.external_id, 2)
        AND NOT starts_with(i.external_id, '@')
    WHERE starts_with(n.external_id, '@')
        AND NOT EXISTS (SELECT FROM accounts_identity known WHERE known.key = n.key)
    GROUP BY n.key, n.network, n.external_id, n.handle
    HAVING count(*) = 1
), added AS (
    INSERT INTO accounts_identity
        (key, network_id, external_id, handle, person_id, name, bio, location, website, website_host, verified,
         alias_of_id)
    SELECT f.key, f.network, f.external_id, coalesce(f.handle, ''), i.person_id, '', '', '', '', '', FALSE, f.own
    FROM found f JOIN accounts_identity i ON i.key = f.own
    ORDER BY f.key
    RETURNING network_id, external_id, alias_of_id
), all_aliases AS (
    SELECT network_id, external_id, alias_of_id FROM added
    UNION ALL
    SELECT i.network_id, i.external_id, i.alias_of_id
    FROM incoming_accounts n JOIN accounts_identity i ON i.key = n.key AND i.alias_of_id IS NOT NULL
)
SELECT a.network_id, a.external_id, i.external_id
FROM all_aliases a JOIN accounts_identity i ON i.key = a.alias_of_id
"""

# A person named after an id gets the account's handle once that is known and free.
RENAME_PEOPLE = """
WITH wishes AS (
    SELECT DISTINCT ON (lower(i.handle)) p.id, i.handle
    FROM incoming_accounts n
    JOIN accounts_identity i ON i.key = n.key AND i.handle <> ''
    JOIN accounts_person p
        ON p.id = i.person_id AND p.user_id IS NULL AND p.handle = i.external_id || '@' || i.network_id
    WHERE lower(p.handle) <> lower(i.handle)
        AND NOT EXISTS (SELECT FROM accounts_person other WHERE lower(other.handle) = lower(i.handle))
    ORDER BY lower(i.handle), i.key
)
UPDATE accounts_person p SET handle = wishes.handle FROM wishes WHERE p.id = wishes.id
"""
