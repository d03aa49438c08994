import { defineConfig } from 'vitepress'
import { anchor, href, others, rewrites, sidebar } from '../pages.js'
import { words } from '../search.js'

const files = Object.fromEntries(Object.entries(rewrites).map(([file, page]) => [page, file]))

// follow lets the links of a file lead to pages of the site, and its pictures be found: the
// compiler of Vue takes a path for relative only if it begins with a dot.
function follow(md) {
  md.core.ruler.push('follow', ({ tokens, env }) => {
    const file = files[env.relativePath] ?? env.relativePath // which the search gives as it is in the repository
    // What is indented is drawn as what is fenced: in a box that scrolls by itself.
    for (const token of tokens) if (token.type === 'code_block') token.type = 'fence'
    for (const token of tokens.flatMap((token) => [token, ...token.children ?? []])) {
      const link = token.type === 'link_open' && token.attrGet('href')
      if (link) token.attrSet('href', href(file, link))
      if (token.type.startsWith('html_')) token.content = token.content.replace(/<img src="(?!\.|\/|[a-z]+:)/g, '<img src="./')
    }
  })
}

// A line that ends between two characters of Chinese is no space, as it is between words.
const chinese = /[\p{Script=Han}\u3000-\u303f\uff00-\uffef“”]/u
function join(md) {
  md.core.ruler.push('join', ({ tokens }) => {
    for (const { children } of tokens) {
      const shown = children?.filter(({ type, content }) => content || type === 'softbreak') ?? []
      for (const [i, token] of shown.entries()) {
        const [before, after] = [shown[i - 1]?.content.at(-1) ?? '', shown[i + 1]?.content[0] ?? '']
        if (token.type === 'softbreak' && chinese.test(before) && chinese.test(after)) token.type = 'text'
      }
    }
  })
}

// ownVue lets what draws the pages beforehand import the Vue of this folder: they lie outside of
// it, where none is found, or that of the clients.
const ownVue = {
  name: 'own-vue',
  enforce: 'pre',
  resolveId: (id, from, { ssr }) => (ssr && /^vue(\/|$)/.test(id) ? { id, external: true } : undefined),
}

export default defineConfig({
  title: 'caddy-chat',
  srcDir: '..',
  outDir: '../build/site',
  cacheDir: '../build/site-cache',
  rewrites,
  srcExclude: others(),
  ignoreDeadLinks: 'localhostLinks',
  vite: { plugins: [ownVue] },
  markdown: {
    config: (md) => { follow(md); join(md) },
    anchor: { slugify: anchor },
    attrs: { disable: true }, // {room} is text
    languageAlias: { caddyfile: 'nginx', mjs: 'js', 'chat.v1': 'json', raw: 'log' },
  },
  themeConfig: {
    i18nRouting: false, // the other language may lack the page
    search: {
      provider: 'local',
      options: {
        miniSearch: { options: { tokenize: words }, searchOptions: { combineWith: 'OR' } },
        locales: {
          zh: {
            translations: {
              button: { buttonText: '搜索', buttonAriaLabel: '搜索' },
              modal: {
                displayDetails: '显示详情', resetButtonTitle: '清空', backButtonTitle: '关闭', noResultsText: '没有找到：',
                footer: { selectText: '打开', navigateText: '选择', closeText: '关闭' },
              },
            },
          },
        },
      },
    },
  },
  locales: {
    root: { label: 'English', lang: 'en', themeConfig: { sidebar: sidebar('en') } },
    zh: {
      label: '简体中文', lang: 'zh-CN',
      description: '任何 Caddy 服务器都能成为聊天后端',
      themeConfig: {
        sidebar: sidebar('zh'),
        outline: { label: '本页内容' },
        docFooter: { prev: '上一页', next: '下一页' },
        darkModeSwitchLabel: '外观', sidebarMenuLabel: '目录', returnToTopLabel: '回到顶部', langMenuLabel: '语言',
        skipToContentLabel: '跳到正文',
      },
    },
  },
})
