export default {
  pages: ['pages/list/index', 'pages/room/index'],
  window: { navigationBarTitleText: 'Chats', navigationBarBackgroundColor: '#ffffff', navigationBarTextStyle: 'black' },
}
