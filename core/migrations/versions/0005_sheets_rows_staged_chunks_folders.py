"""sheet and rows of chunks, staged chunks, folders kept in step"""

from alembic import op
import sqlalchemy as sa

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('chunks', sa.Column('sheet', sa.Text(), nullable=False, server_default=''))
    op.add_column('chunks', sa.Column('rows', sa.JSON(), nullable=False, server_default='[]'))
    op.create_table('staged_documents',
    sa.Column('source', sa.String(length=512), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('splitter', sa.String(length=16), nullable=False),
    sa.PrimaryKeyConstraint('source')
    )
    op.create_table('staged_chunks',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('source', sa.String(length=512), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('heading', sa.Text(), nullable=False),
    sa.Column('page', sa.Integer(), nullable=True),
    sa.Column('sheet', sa.Text(), nullable=False, server_default=''),
    sa.Column('rows', sa.JSON(), nullable=False, server_default='[]'),
    sa.ForeignKeyConstraint(['source'], ['staged_documents.source'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('staged_chunks', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_staged_chunks_source'), ['source'], unique=False)
    op.create_table('folders',
    sa.Column('name', sa.String(length=128), nullable=False),
    sa.Column('path', sa.Text(), nullable=False),
    sa.Column('files', sa.Integer(), nullable=False),
    sa.Column('skipped', sa.JSON(), nullable=False),
    sa.Column('error', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('checked_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('name')
    )


def downgrade() -> None:
    op.drop_table('folders')
    with op.batch_alter_table('staged_chunks', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_staged_chunks_source'))
    op.drop_table('staged_chunks')
    op.drop_table('staged_documents')
    with op.batch_alter_table('chunks', schema=None) as batch_op:
        batch_op.drop_column('rows')
        batch_op.drop_column('sheet')
