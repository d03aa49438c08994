// Runs a MariaDB of its own for a test, with its data in a temporary directory.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

// Debian has the server where only root's PATH leads.
const PATH = `${process.env.PATH}:/usr/sbin`

// Database is a server that only listens on a socket. Its dir is a home directory whose
// .my.cnf makes the command mysql find it.
export class Database {
  static async start() {
    const database = new Database()
    database.dir = await mkdtemp(path.join(tmpdir(), 'caddy-chat-db-'))
    try {
      await database.#run()
    } catch (err) {
      await database.remove()
      if (err.code !== 'ENOENT') throw err
      throw new Error('MariaDB is missing: make mariadb installs it', { cause: err })
    }
    return database
  }

  async #run() {
    const data = path.join(this.dir, 'data')
    const socket = path.join(this.dir, 'socket')
    // Only root must say as whom it runs.
    const own = process.getuid() === 0 ? [`--user=${userInfo().username}`] : []
    await run('mariadb-install-db', ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db', ...own],
      { env: { ...process.env, PATH } })
    await writeFile(path.join(this.dir, '.my.cnf'), `[client]\nsocket=${socket}\nuser=root\ndefault-character-set=utf8mb4\n`)
    this.bin = path.join(this.dir, 'bin')
    await run('mkdir', [this.bin])
    await symlink((await run('which', ['mariadb'])).stdout.trim(), path.join(this.bin, 'mysql'))
    this.process = spawn('mariadbd', ['--no-defaults', `--datadir=${data}`, `--socket=${socket}`, '--skip-networking', `--pid-file=${this.dir}/pid`,
      '--innodb-buffer-pool-size=32M', ...own], { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, PATH } })
    process.once('exit', this.#kill)
    let said = ''
    this.process.stderr.on('data', (text) => { said += text })
    for (const end = Date.now() + 60_000; ; await pause(50)) {
      try {
        return await this.shell('mysql -e "SELECT 1"')
      } catch (cause) {
        if (this.process.exitCode !== null || Date.now() > end) throw new Error(`mariadbd does not start: ${said}`, { cause })
      }
    }
  }

  // A test run that ends early must not leave a server running.
  #kill = () => this.process.kill('SIGKILL')

  // shell runs commands in dir, and returns what they print. Those in bin come first.
  async shell(commands, env = {}) {
    const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', commands], {
      cwd: this.dir, maxBuffer: 64 << 20,
      env: { ...process.env, HOME: this.dir, PATH: `${this.bin}:${PATH}`, ...env },
    })
    return stdout
  }

  async remove() {
    if (this.process?.pid && this.process.exitCode === null) {
      const exited = once(this.process, 'exit')
      this.process.kill('SIGTERM')
      await exited
    }
    process.off('exit', this.#kill)
    await rm(this.dir, { recursive: true, force: true })
  }
}
