"""The database as such: engine and transactions, tables and views, migrations, what differs between SQLite and PostgreSQL."""
