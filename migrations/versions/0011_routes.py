"""Keep where a number sends what arrives by kind, as every provider can say it.

The table remembers the provider's last answer. A process of the version before cannot write it any more and
says so in its log until it is restarted; callbacks are not concerned.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLE = "known_numbers"
URLS = ("voice_url", "fax_url", "sms_url")


def upgrade() -> None:
    for name in (*URLS, "were_here"):
        op.add_column(TABLE, sa.Column(name, sa.Text(), nullable=True))
    op.execute("""
        UPDATE known_numbers SET
            voice_url = CASE WHEN mode <> 'fax' THEN forward_to END,
            fax_url = CASE WHEN mode = 'fax' THEN forward_to END,
            sms_url = forward_sms_to,
            were_here = nullif(
                CASE WHEN NOT calls_were_here THEN '' WHEN mode = 'fax' THEN 'fax' ELSE 'voice' END
                || CASE WHEN calls_were_here AND sms_were_here THEN '\n' ELSE '' END
                || CASE WHEN sms_were_here THEN 'sms' ELSE '' END, '')
    """)
    for name in ("mode", "forward_to", "forward_sms_to", "calls_were_here", "sms_were_here"):
        op.drop_column(TABLE, name)


def downgrade() -> None:
    op.add_column(TABLE, sa.Column("mode", sa.String(), server_default="", nullable=False))
    for name in ("forward_to", "forward_sms_to"):
        op.add_column(TABLE, sa.Column(name, sa.Text(), server_default="", nullable=False))
    for name in ("calls_were_here", "sms_were_here"):
        op.add_column(TABLE, sa.Column(name, sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute("""
        UPDATE known_numbers SET
            mode = CASE WHEN fax_url IS NOT NULL THEN 'fax'
                WHEN voice_url IS NOT NULL THEN 'voice' ELSE '' END,
            forward_to = coalesce(fax_url, voice_url, ''),
            forward_sms_to = coalesce(sms_url, ''),
            calls_were_here = coalesce(were_here, '') LIKE '%voice%' OR coalesce(were_here, '') LIKE '%fax%',
            sms_were_here = coalesce(were_here, '') LIKE '%sms%'
    """)
    for name in (*URLS, "were_here"):
        op.drop_column(TABLE, name)
