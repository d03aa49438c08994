import'./chat-GN4PXJGW.js';import'./chunk-Y76H37IZ.js';import'./chunk-SDOSUXGY.js';
