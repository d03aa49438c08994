import'./chat-P7C33VKF.js';import'./chunk-GTFCITWX.js';import'./chunk-SDOSUXGY.js';
