// docs/nodes.md, "A standby", done as it says on two machines with Debian's PostgreSQL under a real systemd, and two nodes of
// the chat on them. Then the machine of the primary is gone. See standby.sh.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { blocks, commands, read, repository } from './blocks.js'

const run = promisify(execFile)
const binary = process.env.CADDY ?? path.join(repository, 'build/caddy')
const asRoot = (words, options) => run('env', [...(process.getuid() === 0 ? [] : ['sudo', '-n']), ...words], options)

test('docs/nodes.md leads to a standby with systemctl, and past the loss of the primary', async (t) => {
  if (await asRoot(['unshare', '--mount', '--pid', '--net', '--cgroup', '--fork', 'ip', 'link', 'add', 'bridge', 'type', 'bridge']).then(() => false, () => true)) return t.skip('this needs root, and namespaces')
  const versions = await readdir('/etc/postgresql').catch(() => [])
  if (!versions.length) return t.skip("this needs Debian's package of PostgreSQL")
  const version = versions.sort().at(-1)
  const here = (part) => part.replaceAll('/15/', `/${version}/`)
  const document = here(await read('docs/nodes.md'))
  const section = (heading) => blocks('docs/nodes.md', new RegExp(`^## ${heading}\\n([^]*?)^## `, 'm').exec(document)[1])
  const only = (heading, language) => section(heading).filter((block) => block.language === language).map(({ code }) => code)
  const [ini, [roles, synchronous, promote], [onTheStandby, ...more]] = [only('A standby', 'ini'), only('A standby', 'sql'), only('A standby', 'indented')]
  assert.deepEqual([ini.length, more], [1, []])
  const [, listen] = /`\/etc\/postgresql\/\d+\/main\/postgresql\.conf` gets the line `([^`]+)`/.exec(document)
  const [, restart] = /Restart the primary with `([^`]+)`/.exec(document)
  const [, psql] = /`(runuser -u postgres -- psql)`/.exec(document)
  const [, address] = /`CHAT_DSN=(postgres:\/\/\S+10\.0\.0\.1,10\.0\.0\.2\S+)`/.exec(document)
  const [, password] = /ROLE chat LOGIN PASSWORD '([^']+)'/.exec(only('A first node', 'sql')[0])
  const [, replica] = /ROLE replica .* PASSWORD '([^']+)'/.exec(roles)

  const folder = await mkdtemp(path.join(tmpdir(), 'caddy-chat-standby-'))
  t.after(() => asRoot(['rm', '-rf', folder]))
  const common = `set -ex
say() { touch /clone/common/$1; }
heard() { for i in {1..900}; do if [[ -e /clone/common/$1 ]]; then return; fi; sleep 0.1; done; return 1; }
eventually() { for i in {1..300}; do if "$@"; then return; fi; sleep 0.1; done; return 1; }
sql() { ${psql} --no-psqlrc --set=ON_ERROR_STOP=1 --tuples-only --no-align --file=-; }
# PostgreSQL as it is once its package has been installed.
systemd-tmpfiles --create postgresql-common.conf || mkdir -p /run/postgresql
rm -rf /etc/postgresql /var/lib/postgresql/* && mkdir -p /etc/postgresql && chown postgres: /etc/postgresql
pg_createcluster ${version} main
systemctl start postgresql
# On both.
cat >> /etc/postgresql/${version}/main/postgresql.conf <<< "${listen}"
cat >> /etc/postgresql/${version}/main/pg_hba.conf <<'end'
${ini[0]}end
# A node of the chat.
echo 127.0.0.1 chat.example.com >> /etc/hosts
mkdir -p /srv/shared && ln -s /clone/common/caddy /srv/shared/caddy
export HOME=/root CHAT_DSN='${address.replace('chat:password@', `chat:${encodeURIComponent(password)}@`)}'
node() { /clone/caddy run --config /clone/Caddyfile > /clone/node-$1.log 2>&1 & caddy=$!; }
healthy() { curl -fsSk https://chat.example.com/chat/health; }
shows() { /clone/caddy chat history tea | grep "$1"; }
`
  const caddyfile = `{\n\tlocal_certs\n\tskip_install_trust\n${/^\{\n([^]*)/.exec(only('Three nodes with systemd', 'caddyfile')[0])[1]}`
  const steps = {
    primary: `${common}
sql <<'end'
${only('A first node', 'sql')[0]}end
${restart}
sql <<'end'
${roles}end
say primary-is-there
heard standby-is-there
sql <<'end'
${synchronous.split('\n').slice(0, -2).join('\n')}
end
streams() { [[ $(sql <<< "${synchronous.trim().split('\n').at(-1)}") == 'streaming|quorum' ]]; }
eventually streams
node primary
eventually healthy
/clone/caddy chat announce --create tea 'before it was lost'
say node-is-there
heard both-have-it
# This machine is gone.
`,
    standby: `${common}
heard primary-is-there
export PGPASSWORD='${replica}' # which the document says is asked for
${commands(onTheStandby).join('\n')}
unset PGPASSWORD
say standby-is-there
heard node-is-there
node before
eventually healthy
eventually shows 'before it was lost'
say both-have-it
gone() { ! timeout 1 bash -c '< /dev/tcp/10.0.0.1/5432' 2> /dev/null; }
eventually gone
sql <<'end'
${promote}end
sed -i 's/durability standby/durability primary/' /clone/Caddyfile
grep 'durability primary' /clone/Caddyfile
kill $caddy
wait $caddy || true
node after
eventually healthy
shows 'before it was lost'
/clone/caddy chat announce tea 'and on'
shows 'and on'
kill $caddy
`,
  }
  await mkdir(path.join(folder, 'common/caddy'), { recursive: true })
  for (const [name, text] of Object.entries(steps)) {
    await mkdir(path.join(folder, name, 'copy'), { recursive: true })
    await writeFile(path.join(folder, name, 'steps'), text)
    await writeFile(path.join(folder, name, 'Caddyfile'), caddyfile)
    await copyFile(binary, path.join(folder, name, 'caddy'))
  }
  await asRoot(['bash', path.join(repository, 'clients/test/standby.sh'), folder], { timeout: 300_000, killSignal: 'SIGKILL' }).catch(async (err) => {
    const files = ['primary/out', 'standby/out', 'primary/node-primary.log', 'standby/node-before.log', 'standby/node-after.log']
    const texts = await Promise.all(files.map(async (file) => `${file}:\n${(await readFile(path.join(folder, file), 'utf8').catch(() => '')).split('\n').slice(-25).join('\n')}`))
    assert.fail(`${err.message}\n${texts.join('\n')}`)
  })
})
