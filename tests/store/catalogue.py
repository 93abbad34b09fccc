"""What the system catalogue says of a schema, so that two schemas can be compared line by line."""

from typing import Any, LiteralString

from psycopg import Connection

_OBJECTS: dict[str, LiteralString] = {
    "column": """
        SELECT c.relname, c.relkind::text, c.relrowsecurity::text, c.reloptions::text, a.attname,
               format_type(a.atttypid, a.atttypmod), a.attnotnull::text, pg_get_expr(d.adbin, d.adrelid),
               col_description(c.oid, a.attnum)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
          AND NOT starts_with(c.relname, '_yoyo') AND c.relname <> 'yoyo_lock'
          AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.objid = c.oid AND e.deptype = 'e')""",
    "constraint": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND NOT conrelid::regclass::text ~ 'yoyo'""",
    "index": """
        SELECT tablename, indexname, indexdef FROM pg_indexes
        WHERE schemaname = 'public' AND NOT tablename ~ 'yoyo'""",
    "function": """
        SELECT p.oid::regprocedure::text, md5(pg_get_functiondef(p.oid)), p.proacl::text
        FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
        WHERE p.pronamespace = 'public'::regnamespace AND l.lanname IN ('sql', 'plpgsql')
          AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.objid = p.oid AND e.deptype = 'e')""",
    "view": """
        SELECT viewname, definition FROM pg_views v WHERE schemaname = 'public' AND NOT EXISTS (
            SELECT FROM pg_depend e WHERE e.objid = v.viewname::regclass AND e.deptype = 'e')""",
    "policy": "SELECT tablename, policyname, cmd, qual FROM pg_policies WHERE schemaname = 'public'",
}


def catalogue(connection: Connection[Any]) -> list[tuple[Any, ...]]:
    """Return every object of the schema `public` that is ours, as sorted rows."""
    rows = [(kind, *row) for kind, query in _OBJECTS.items() for row in connection.execute(query).fetchall()]
    return sorted(rows, key=repr)
