// The section systemd of docs/deployment.md, on a system that has never had a chat: its
// commands as they stand, under a real systemd, see systemd.sh.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const repository = fileURLToPath(new URL('../..', import.meta.url))
const binary = process.env.CADDY ?? path.join(repository, 'build/caddy')
const sudo = process.getuid() === 0 ? [] : ['sudo', '-n']

test('the steps for systemd lead from nothing to a service that starts, reloads and restarts', async (t) => {
  const [able, ...args] = [...sudo, 'unshare', '--mount', '--pid', '--net', '--cgroup', 'true']
  if (await run(able, args).then(() => false, () => true)) return t.skip('this needs root, and namespaces')
  const [document, root, move, upgrading] = await Promise.all(['docs/deployment.md', 'docs/zh/deployment.md', 'docs/cookbook-move.md', 'docs/upgrading.md'].map((file) => readFile(path.join(repository, file), 'utf8')))
  const section = /^## systemd\n([^]*?)^## /m.exec(document)[1]
  const [install, look, secret] = section.split('\n\n').filter((part) => part.startsWith('    ')).map((part) => part.replace(/^    /gm, ''))
  const [, shell] = /^(systemd-run .* bash)$/m.exec(move)
  const upgrade = [...upgrading.matchAll(/^       (\S.*)$/gm)].map(([, command]) => command).join('\n')
  assert.match(secret, /^WECHAT_SECRET=\w+$/)
  assert.match(root, /^    contrib\/build caddy$/m) // as make caddy does

  const folder = await mkdtemp(path.join(tmpdir(), 'caddy-chat-systemd-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await mkdir(path.join(folder, 'copy'))
  await copyFile(binary, path.join(folder, 'caddy'))
  await cp(path.join(repository, 'contrib'), path.join(folder, 'contrib'), { recursive: true })
  // There is no certificate authority in there but Caddy's own.
  const caddyfile = `{\n\tlocal_certs\n}\n\n${/^```caddyfile\n([^]*?)^```/m.exec(section)[1]}`
  await writeFile(path.join(folder, 'Caddyfile'), caddyfile)
  await writeFile(path.join(folder, 'steps'), `set -ex
echo 127.0.0.1 chat.example.com >> /etc/hosts
${install}
# What the document says then. Certificates come a moment later.
export CURL_CA_BUNDLE=/var/lib/caddy/pki/authorities/local/root.crt SYSTEMD_PAGER=
for i in {1..200}; do curl -fsS https://chat.example.com/chat/health && break; sleep 0.1; done
${look}
systemd-analyze verify /etc/systemd/system/caddy-chat.service
[[ $(systemctl is-enabled caddy-chat) == enabled ]]

# The process has the limits and the rights of the unit, and sees no more of the system.
pid() { systemctl show -P MainPID caddy-chat; }
first=$(pid)
files=1048576
prlimit --nofile=$files:$files true || files=$(ulimit -Hn) # a root in a container may not raise its limit
grep -E "^Max open files +$files +$files " /proc/$first/limits
[[ $(stat -c %U /proc/$first) == caddy ]]
grep -E '^CapEff:\\s+0+400$' /proc/$first/status # CAP_NET_BIND_SERVICE
[[ $(stat -c '%U %a' /var/lib/caddy) == 'caddy 700' && $(stat -c '%U %a' /var/lib/caddy/chat) == 'caddy 700' ]]
[[ $(stat -c '%U %a' /etc/caddy/environment) == 'root 600' ]]
touch /tmp/others
mkdir /home/somebody
inside() { nsenter --target $first --root --mount -- "$@"; }
for file in /etc/x /usr/x; do [[ $(inside touch $file 2>&1) =~ 'Read-only file system' ]]; done
[[ -z $(inside ls /home) && ! $(inside ls /tmp) =~ others ]]

# A reload keeps the process and its sockets.
socket=(-H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==')
curl -sN --http1.1 "\${socket[@]}" 'https://chat.example.com/chat?room=tea' &
client=$!
for i in {1..100}; do caddy chat rooms | grep tea && break; sleep 0.1; done
caddy chat rooms | grep tea
sed -i 's/ui on/ui on\\n\\t\\tmax_connections 7/' /etc/caddy/Caddyfile
systemctl reload caddy-chat
[[ $(pid) == $first ]]
caddy chat rooms | grep tea
kill $client

# The variables are read when the service starts.
echo ${secret} >> /etc/caddy/environment
systemctl reload caddy-chat
[[ -z $(grep -z WECHAT_SECRET /proc/$first/environ) ]]
systemctl restart caddy-chat
grep -z ${secret} /proc/$(pid)/environ
# The shell of docs/cookbook-move.md, with a file for its terminal.
${shell.replace('--pty', '--service-type=oneshot -p StandardOutput=file:/inside')} -ec 'id -un; pwd; echo $WECHAT_SECRET; touch here; caddy version > /dev/null'
[[ $(cat /inside) == $'caddy\n/var/lib/caddy\n'${secret.replace(/.*=/, '')} ]]
# docs/upgrading.md.
cp caddy caddy-new
${upgrade}
[[ $(curl -fsS https://chat.example.com/chat/health) == ok ]]
systemctl stop caddy-chat
[[ $(systemctl is-failed caddy-chat) == inactive ]]
`)
  const [command, ...rest] = [...sudo, 'bash', path.join(repository, 'clients/test/systemd.sh'), folder]
  await run(command, rest, { timeout: 60_000, killSignal: 'SIGKILL' }).catch(async (err) => {
    const out = await readFile(path.join(folder, 'out'), 'utf8').catch(() => '')
    assert.fail(`${err.message}\n${out.split('\n').slice(-40).join('\n')}`)
  })
})
