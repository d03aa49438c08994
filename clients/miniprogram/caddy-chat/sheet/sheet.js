// The menu at the lower edge of the screen. sheet has its title, reactions and lines, and is
// null if it is closed. The event choose has what was tapped: part, reactions or lines, and
// at; without part the menu was closed. WeChat's own menu has six lines at most, and no
// reactions.
Component({
  options: { styleIsolation: 'isolated' },

  properties: {
    sheet: { type: Object, value: null },
    theme: { type: String, value: 'auto' },
    scale: { type: Number, value: 1 },
  },

  methods: {
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
