import type { ShortContainers } from '../../core/orchestration/docker/short-containers.js';
import { isLoginVariable } from '../../core/orchestration/session/login-variables.js';

/** What `doctor` finds out about an image. */
export interface ImageFindings {
  readonly uid: number;
  /** The release of Claude Code. Undefined if it has none that runs. */
  readonly claude?: string;
  /** The programs that the image has, and what each says about its release. */
  readonly programs: ReadonlyMap<string, string>;
  /** When the access token of the login in the image expires. 0 if the file does not say it. Undefined without such a login. */
  readonly loginExpires?: number;
  /** The variables of a login that are part of the image. */
  readonly loginVariables: readonly string[];
  /** How many bytes are free on the engine's disk. */
  readonly freeBytes?: number;
}

const MARK = 'autonomous-orchestration-doctor';

/** Programs of a session, and how each tells its release. The shell and `stat` have none. */
const PROGRAMS: Readonly<Record<string, string>> = {
  git: 'git --version',
  node: 'node --version',
  tmux: 'tmux -V',
  rg: 'rg --version',
  setpriv: 'setpriv --version',
  stat: 'echo yes',
};

/** Prints no secrets: of variables only the names, of the login's file only its time. */
const SCRIPT = `
echo "${MARK} uid $(id -u)"
${Object.entries(PROGRAMS)
  .map(
    ([name, version]) =>
      `command -v ${name} >/dev/null && echo "${MARK} program ${name} $(${version} 2>&1 | head -n 1)"`,
  )
  .join('\n')}
credentials="\${CLAUDE_CONFIG_DIR:-$HOME/.claude}/.credentials.json"
if [ -s "$credentials" ]; then
  echo "${MARK} login $(grep -o '"expiresAt": *[0-9]*' "$credentials" | grep -o '[0-9]*$' | head -n 1)"
fi
env | sed -n 's/^\\([A-Z][A-Z0-9_]*\\)=.*/${MARK} variable \\1/p'
echo "${MARK} free $(df -Pk / | tail -n 1 | while read -r _ _ _ free _; do echo "$free"; done)"
command -v claude >/dev/null && echo "${MARK} claude $(claude --version 2>&1 | head -n 1)"
`;

/** @throws OrchestrationError as `ShortContainers.run` */
export async function imageFindings(containers: ShortContainers, image: string): Promise<ImageFindings> {
  return readFindings(await containers.run('doctor', { image, script: SCRIPT }));
}

/** Reads what the script has printed. The image may print anything else, too. */
export function readFindings(output: string): ImageFindings {
  const said = [...output.matchAll(new RegExp(`^${MARK} (\\w+) ?([^\\r\\n]*)`, 'gm'))].map(
    ([, key = '', value = '']) => [key, value.trim()] as const,
  );
  const first = (key: string): string | undefined => said.find(([name]) => name === key)?.[1];
  const all = (key: string): string[] => said.filter(([name]) => name === key).map(([, value]) => value);
  const uid = first('uid');
  if (uid === undefined) throw new Error(`its shell answers ${JSON.stringify(output.trim().slice(0, 200))}`);
  const claude = /^(\d+\.\d+\.\d+\S*) \(Claude Code\)/.exec(first('claude') ?? '')?.[1];
  const login = first('login');
  const free = Number(first('free'));
  return {
    uid: Number(uid),
    ...(claude !== undefined && { claude }),
    programs: new Map(all('program').map((text) => [text.split(' ')[0] ?? '', text.split(' ').slice(1).join(' ')])),
    ...(login !== undefined && { loginExpires: Number(login) }),
    loginVariables: all('variable').filter(isLoginVariable),
    ...(free > 0 && { freeBytes: free * 1024 }),
  };
}
