"""openings of cited passages, which the weight of retrieval is learned from"""

from alembic import op
import sqlalchemy as sa

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('openings',
    sa.Column('answer_id', sa.String(length=32), nullable=False),
    sa.Column('passage_id', sa.String(length=64), nullable=False),
    sa.Column('source', sa.String(length=512), nullable=False),
    sa.Column('query', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['answer_id'], ['answers.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('answer_id', 'passage_id')
    )


def downgrade() -> None:
    op.drop_table('openings')
