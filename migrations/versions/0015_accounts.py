"""Keep the accounts of several providers apart, and what a number has beside its URLs.

These tables remember the last look at an account. A process of the version before cannot write them any more
and says so in its log until it is restarted; callbacks are not concerned.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

NEW = ("others", "overruled", "sort")


def upgrade() -> None:
    with op.batch_alter_table("known_numbers") as numbers:
        for name in NEW:
            numbers.add_column(sa.Column(name, sa.String() if name == "sort" else sa.Text(), nullable=True))
        numbers.drop_constraint("pk_known_numbers", type_="primary")
        numbers.create_primary_key("pk_known_numbers", ["provider", "number"])
    with op.batch_alter_table("findings") as findings:
        findings.add_column(sa.Column("provider", sa.String(), server_default="", nullable=False))
        findings.drop_constraint("pk_findings", type_="primary")
        findings.create_primary_key("pk_findings", ["code", "provider", "subject"])
    with op.batch_alter_table("account") as account:
        account.add_column(sa.Column("provider", sa.String(), server_default="hoiio", nullable=False))
        account.drop_constraint("pk_account", type_="primary")
        account.create_primary_key("pk_account", ["provider"])
        account.drop_column("id")


def downgrade() -> None:
    op.execute("DELETE FROM account WHERE provider <> 'hoiio'")
    with op.batch_alter_table("account") as account:
        account.add_column(sa.Column("id", sa.Integer(), server_default="1", nullable=False))
        account.drop_constraint("pk_account", type_="primary")
        account.create_primary_key("pk_account", ["id"])
        account.drop_column("provider")
    # Only one of them could say what it found of one number.
    op.execute("DELETE FROM findings")
    with op.batch_alter_table("findings") as findings:
        findings.drop_constraint("pk_findings", type_="primary")
        findings.create_primary_key("pk_findings", ["code", "subject"])
        findings.drop_column("provider")
    op.execute("DELETE FROM known_numbers WHERE provider <> 'hoiio'")
    with op.batch_alter_table("known_numbers") as numbers:
        numbers.drop_constraint("pk_known_numbers", type_="primary")
        numbers.create_primary_key("pk_known_numbers", ["number"])
        for name in NEW:
            numbers.drop_column(name)
