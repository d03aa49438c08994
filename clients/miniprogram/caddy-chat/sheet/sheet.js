// The menu at the lower edge of the screen. sheet has its title, reactions and lines, or with
// picker all emoji, and is null if it is closed. The event choose has what was tapped: part,
// reactions, lines or emoji, and at, which of them; without part the menu was closed. WeChat's
// own menu has six lines at most, and no reactions.
Component({
  options: { styleIsolation: 'isolated' },

  properties: {
    sheet: { type: Object, value: null },
    theme: { type: String, value: 'auto' },
    scale: { type: Number, value: 1 },
  },

  data: {
    groups: [], // the first emoji of each group
    group: 0, // that is shown
    emoji: [], // of that group
  },

  observers: {
    sheet(sheet) {
      if (sheet && sheet.picker) this.show(0)
      else if (this.data.emoji.length) this.setData({ emoji: [] })
    },
  },

  methods: {
    show(group) {
      const { groups } = require('../lib/emoji')
      if (groups[group]) this.setData({ group, groups: groups.map((all) => all.split(' ', 1)[0]), emoji: groups[group].split(' ') })
    },

    onGroup({ currentTarget }) {
      this.show(currentTarget.dataset.at)
    },

    choose({ currentTarget }) {
      const { part, at } = currentTarget.dataset
      this.triggerEvent('choose', { part, at })
    },

    close() {
      this.triggerEvent('choose', {})
    },

    none() {}, // a tap on the title
  },
})
