import { readFile } from 'node:fs/promises';
import type { FoundLogin } from '../../core/orchestration/login/stored-login.js';
import { STORED_ON } from '../image/store-login.js';
import { failure, ok, type Report, warning } from './finding.js';
import type { ImageFindings } from './image-facts.js';

const DAY_MS = 86_400_000;
/** A token of `claude setup-token` is valid for a year. */
const TOKEN_DAYS = 365;
const SOON_DAYS = 30;

const LOGIN = "Run 'npx autonomous-orchestration image login'";

/** What is known about the login without a request to the provider, which could cost money. */
export async function loginReport(
  found: FoundLogin | undefined,
  image: ImageFindings | undefined,
  now: number,
): Promise<Report> {
  if (found) return storedReport(found, now);
  if (!image) return failure('no login is stored on this machine', `${LOGIN}, or give one in docker.env.`);
  if (image.loginVariables.length > 0) {
    return warning(
      `the image has a login in its variables (${image.loginVariables.join(', ')}), and everyone who has the image has it`,
      `${LOGIN}, which stores one outside of the image.`,
    );
  }
  if (image.loginExpires === undefined) {
    return failure(
      'there is no login, neither stored on this machine nor in the image',
      `${LOGIN}, or give one in docker.env.`,
    );
  }
  const until = image.loginExpires === 0 ? '' : ` (access token until ${new Date(image.loginExpires).toISOString()})`;
  return warning(
    `the login is inside the image${until}: the first container that renews it uses up its refresh token, and then all others fail`,
    `${LOGIN}: its token lasts a year, and every container can use it.`,
  );
}

async function storedReport({ source, variables }: FoundLogin, now: number): Promise<Report> {
  const names = Object.keys(variables).join(', ');
  const where = 'envFile' in source ? source.envFile : 'the stored command';
  const problem = formProblem(variables);
  if (problem !== undefined) return failure(`${names} from ${where}: ${problem}`, `${LOGIN} again.`);
  const age =
    'envFile' in source && variables.CLAUDE_CODE_OAUTH_TOKEN ? await ageInDays(source.envFile, now) : undefined;
  if (age !== undefined && age >= TOKEN_DAYS) {
    return failure(
      `the token from ${where} was stored ${age} days ago, and is valid for ${TOKEN_DAYS}`,
      `${LOGIN} again.`,
    );
  }
  if (age !== undefined && age >= TOKEN_DAYS - SOON_DAYS) {
    return warning(`the token from ${where} expires in about ${TOKEN_DAYS - age} days`, `${LOGIN} again.`);
  }
  return ok(`${names} from ${where}; its form is right, the provider was not asked`);
}

/** Why a variable cannot be right, without its value. */
function formProblem({
  CLAUDE_CODE_OAUTH_TOKEN: token,
  ANTHROPIC_API_KEY: key,
  ANTHROPIC_BASE_URL: gateway,
}: Readonly<Record<string, string>>) {
  // A gateway has tokens and keys of its own.
  if (gateway !== undefined) return undefined;
  if (token !== undefined && !/^sk-ant-oat[\w-]+$/.test(token)) {
    return "CLAUDE_CODE_OAUTH_TOKEN does not look like a token of 'claude setup-token' (sk-ant-oat…)";
  }
  if (key !== undefined && !/^sk-ant-(?!oat|admin)[\w-]+$/.test(key)) {
    return 'ANTHROPIC_API_KEY does not look like an API key (sk-ant-api…)';
  }
  return undefined;
}

async function ageInDays(path: string, now: number): Promise<number | undefined> {
  const [, day] = new RegExp(`^# ${STORED_ON}(\\d{4}-\\d{2}-\\d{2})$`, 'm').exec(await readFile(path, 'utf8')) ?? [];
  return day === undefined ? undefined : Math.floor((now - Date.parse(day)) / DAY_MS);
}
