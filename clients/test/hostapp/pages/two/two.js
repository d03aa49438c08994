Page({
  data: { rooms: [] },
  onLoad({ rooms }) {
    this.setData({ rooms: decodeURIComponent(rooms).split(',') })
  },
})
