import type { Danger } from '../danger.js';
import { asks } from '../shell/asks.js';
import type { ShellCommand } from '../shell/command.js';
import { commandLine } from '../shell/command-line.js';
import { type Finder, type Finders, type Rules, reporting } from './rule.js';

/** Packages, images and releases. */
export const publishingRules = {
  'publish.package': {
    level: 'critical',
    about: 'publishes something, or changes what is published',
    matches: [
      'npm publish',
      'cargo publish',
      'twine upload dist/*',
      'docker push me/image',
      'gh release create v1',
      './gradlew publish',
    ],
    spares: [
      'npm publish --dry-run',
      'npm pack',
      'docker build -t me/image .',
      'gh release list',
      './gradlew publishToMavenLocal',
    ],
  },
} as const satisfies Rules;

const { critical } = reporting<typeof publishingRules>();

export const publishingFinders: Finders = [
  [
    'npm pnpm',
    phrase(
      /^(publish|unpublish|deprecate|owner (add|rm)|dist-tag (add|rm)|access (?!list|ls|get)|token (create|revoke)|-r publish|run publish)\b/,
    ),
  ],
  ['yarn', phrase(/^(publish|npm publish|npm unpublish|npm tag)\b/)],
  ['bun', phrase(/^publish\b/)],
  ['lerna changeset', phrase(/^publish\b/)],
  ['npm-publish semantic-release release-it np', phrase(/^/)],
  ['cargo', phrase(/^(publish|yank|owner (-a|-r|--add|--remove))\b/)],
  ['twine', phrase(/^upload\b/)],
  ['poetry uv flit pdm hatch maturin', phrase(/^publish\b|^upload\b/)],
  ['python python3', phrase(/^(-m twine upload|\S*setup\.py( \S+)* upload|-m flit publish)\b/)],
  ['gem', phrase(/^(push|yank)\b|^owner .*(-[ar]|--add|--remove)\b/)],
  ['rake', phrase(/^release\b/)],
  ['mvn mvnw', phrase(/(^| )(deploy|release:perform|nexus-staging:release)\b/)],
  ['gradle gradlew', phrase(/(^| ):?(\w+:)*publish(?!ToMavenLocal)\w*\b|uploadArchives/)],
  ['dotnet', phrase(/^nuget (push|delete)\b/)],
  ['nuget', phrase(/^(push|delete)\b/)],
  ['docker podman buildah', phrase(/^(push|image push|manifest push|buildx build .*--push)\b/)],
  ['helm', phrase(/^(push|cm-push)\b/)],
  [
    'gh',
    phrase(
      /^(release (create|delete|upload|edit)|repo (delete|archive|rename)|secret (set|delete)|workflow run|pr merge|api .*(-X|--method) ?(DELETE|PUT|PATCH))\b/i,
    ),
  ],
  ['glab', phrase(/^(release (create|delete)|repo delete)\b/)],
  ['goreleaser', phrase(/^release\b(?!.*--(snapshot|skip-publish))/)],
  ['vsce ovsx', phrase(/^(publish|unpublish)\b/)],
  ['pod', phrase(/^trunk (push|delete)\b/)],
  ['dart flutter', phrase(/^pub (publish|lish)\b/)],
  ['mix', phrase(/^hex\.publish\b/)],
  ['conda anaconda', phrase(/^upload\b/)],
  ['jsr', phrase(/^publish\b/)],
  ['deno', phrase(/^publish\b/)],
  ['clojure lein', phrase(/^deploy\b/)],
  ['snapcraft', phrase(/^(upload|push|release)\b/)],
];

function phrase(pattern: RegExp): Finder {
  return ({ args }: ShellCommand): Danger | undefined => {
    const words = commandLine(args.filter((arg) => !/^--?(silent|quiet|verbose|yes|y|q|s)$/.test(arg)));
    if (!pattern.test(words) || asks(args, /^(--help|-h)$/)) return undefined;
    return critical(
      'publish.package',
      'Publishes to the world or changes what is published, which cannot be taken back; let a person do it.',
    );
  };
}
