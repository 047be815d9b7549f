// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is shell code
import { describe, expect, it } from 'vitest';
import { level } from './rate.js';

/** Ways in which a shell runs a command while it expands, evaluates or names something. */
const DANGEROUS = [
  'a=($(rm -rf /home))',
  "declare -a a='($(rm -rf /home))'",
  "local -a a='(`rm -rf /home`)'",
  "x='a[$(rm -rf /home)]'; echo $((x))",
  "x='a[$(rm -rf /home)]'; y=x; echo $((y+1))",
  "x='a[$(rm -rf /home)]'; (( x ))",
  "x='a[$(rm -rf /home)]'; [[ $x -eq 1 ]]",
  "x='a[$(rm -rf /home)]'; [[ x -eq 1 ]]",
  "x='a[$(rm -rf /home)]'; echo ${s:x}",
  "x='a[$(rm -rf /home)]'; echo ${arr[x]}",
  "x='a[$(rm -rf /home)]' bash -c 'echo $((x))'",
  "let 'a[$(rm -rf /home)]'",
  'let "a[\\$(rm -rf /home)]=1"',
  "[[ -v 'a[$(rm -rf /home)]' ]]",
  "[[ 'a[$(rm -rf /home)]' -gt 1 ]]",
  "test -v 'a[$(rm -rf /home)]'",
  "unset 'a[$(rm -rf /home)]'",
  "printf -v 'a[$(rm -rf /home)]' x",
  "read 'a[$(rm -rf /home)]' <<< x",
  "declare 'a[$(rm -rf /home)]=1'",
  "typeset -i 'x=a[$(rm -rf /home)]'",
  'echo ${a[$(rm -rf /home)]}',
  'echo "${a[$(rm -rf /home)]}"',
  'echo ${x:$(rm -rf /home):1}',
  'echo ${x:a[$(rm -rf /home)]}',
  'echo ${#a[$(rm -rf /home)]}',
  'echo ${x/$(rm -rf /home)/y}',
  'echo ${x#$(rm -rf /home)}',
  'echo ${!a[$(rm -rf /home)]}',
  'x=\'$(rm -rf /home)\'; echo "${x@P}"',
  'x=\'\\$(rm -rf /home)\'; echo "${x@P}"',
  "x='`rm -rf /home`'; echo ${x@P}",
  'set -- \'$(rm -rf /home)\'; echo "${@@P}"',
  'a=(\'$(rm -rf /home)\'); echo "${a[@]@P}"',
  "declare -n r=c; c='rm -rf /home'; $r",
  "declare -n r=c; r='rm -rf /home'; $c",
  "f() { local -n r=$1; $r; }; c='rm -rf /home'; f c",
  "PS4='$(rm -rf /home)'; set -x; ls",
  "PS4='$(rm -rf /home)' bash -x script.sh",
  "PS1='$(rm -rf /home)' bash -i",
  "declare -A m=([x]='rm -rf /home'); ${m[x]}",
  'a=(x rm -rf /home); "${a[@]:1}"',
  'a=(x rm -rf /home y); "${a[@]:1:3}"',
  'set -- rm -rf /home; "${@:1}"',
  'x=([0]=rm [1]=-rf [2]=/home); "${x[@]}"',
  'command_not_found_handle() { rm -rf /home; }; nosuchthing',
];

const HARMLESS = [
  'x=5; echo $((x + 1))',
  'i=0; (( i++ ))',
  'a=(1 2 3); echo "${a[1]}" "${#a[@]}"',
  'declare -a files=(src/*.ts); echo "${files[@]:1}"',
  'declare -A m=([rm]=1 [reset]=2); echo "${m[rm]}"',
  'set -- a b c; echo "${@:2}"',
  'declare -n ref=name; name=x; echo "$ref"',
  'f() { local -n out=$1; out=5; }; f result; echo $result',
  'x=\'text with $(rm -rf /home) in it\'; echo "$x"',
  "echo 'a[$(rm -rf /home)]'",
  'x=\'$(rm -rf /home)\'; echo "${x@Q}"',
  "PS4='+ ${BASH_SOURCE}:${LINENO}: '; set -x; ls",
  "PS1='$(git branch --show-current) $ '",
  "[[ $line == *'$(rm -rf /home)'* ]]",
  "test -f 'a[1]'",
  "printf '%s\\n' 'a[$(rm -rf /home)]'",
  "read -r line <<< 'a[$(rm -rf /home)]'",
  "unset 'a[1]'",
  "let 'x = 1 + 2'",
  'let i++',
  'echo ${x:0:3} ${x: -1} ${x/a/b} ${x%.*}',
  "x='a[$(date +%s)]'; echo $((x))",
  'declare -i n=5',
  "export MESSAGE='use a[$(date)]'",
  'for ((i = 0; i < 3; i++)); do echo "$i"; done',
  'command_not_found_handle() { echo "no $1"; }; nosuchthing',
];

describe('a command that an expansion runs', () => {
  it.each(DANGEROUS)('a dangerous command that an expansion runs is critical: %s', (command) => {
    expect(level(command)).toBe('critical');
    expect(level(`if true; then ${command}\nfi`)).toBe('critical');
  });

  it.each(HARMLESS)('an expansion that runs a harmless command, or none, is not critical: %s', (command) => {
    expect(level(command)).not.toBe('critical');
  });
});
