import'./chat-EP25CBCZ.js';import'./chunk-LL5DPYXL.js';
