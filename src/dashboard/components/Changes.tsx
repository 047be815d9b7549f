import type { SessionResult } from '../../core/index.js';
import { count, plural } from '../format.js';
import { Fact } from './Fact.js';

type WorktreeChanges = NonNullable<SessionResult['changes']>;

/** A session's changes in its worktree, in a few words. */
export function changesLine({ commits, insertions, deletions, uncommitted }: WorktreeChanges): string {
  const lines = insertions + deletions > 0 ? `, +${count(insertions)} −${count(deletions)}` : '';
  const left = uncommitted > 0 ? `, ${count(uncommitted)} uncommitted` : '';
  return `${plural(commits, 'commit')}${lines}${left}`;
}

/** All known facts about a session's changes in its worktree. */
export function Changes({ changes }: { changes: WorktreeChanges }): React.ReactNode {
  const { branch, base, commits, files, insertions, deletions, uncommitted } = changes;
  return (
    <dl className="facts">
      <Fact name="Branch" value={branch} />
      <Fact name="Since" value={base.slice(0, 12)} />
      <Fact name="Commits" value={commits.toLocaleString('en')} />
      <Fact name="Files" value={files.toLocaleString('en')} />
      <Fact name="Lines" value={`+${insertions.toLocaleString('en')} −${deletions.toLocaleString('en')}`} />
      <Fact
        name="Uncommitted"
        value={uncommitted === 0 ? 'none' : plural(uncommitted, 'file')}
        className={uncommitted === 0 ? undefined : 'attention'}
      />
    </dl>
  );
}
